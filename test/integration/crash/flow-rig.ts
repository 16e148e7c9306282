import { shareNetworks, shareServers, shares } from '../../../src/api/v1alpha1/resource-types.ts';
import type { ShareServer } from '../../../src/api/v1alpha1/share-server.ts';
import type { DummyFault } from '../../../src/drivers/dummy/config.ts';
import { eventually } from '../../faults/eventually.ts';
import { access, activeDirectory, backend, network, passwordSecret, share } from '../manifests.ts';
import { OperatorProcess } from '../operator-process.ts';
import { type RecordedCall, TestCluster } from '../test-cluster.ts';
import { ruleDisagreement } from './agreement.ts';
import { ApiProxy } from './api-proxy.ts';

/** Long enough for a kill to meet a call that has begun. */
const latency = '250ms';
const settleMs = 60_000;

/** A network with two shares, each on a server of its own, a keyed rule, and an operator that is killed on request. */
export class FlowRig {
  readonly cluster: TestCluster;
  readonly proxy: ApiProxy;
  readonly namespace: string;
  readonly #args: readonly string[];
  operator: OperatorProcess;
  kills = 0;

  private constructor(
    cluster: TestCluster,
    proxy: ApiProxy,
    namespace: string,
    operator: OperatorProcess,
    args: readonly string[],
  ) {
    this.cluster = cluster;
    this.proxy = proxy;
    this.namespace = namespace;
    this.operator = operator;
    this.#args = args;
  }

  static async make(...args: readonly string[]): Promise<FlowRig> {
    const cluster = await TestCluster.start();
    const proxy = await ApiProxy.start(cluster.plane, cluster.operatorKubeconfig);
    const namespace = await cluster.namespace();
    const operator = await OperatorProcess.start(proxy.kubeconfigPath, args);
    const rig = new FlowRig(cluster, proxy, namespace, operator, args);
    await cluster.apply(
      rig.backend(),
      ...['ad-a', 'ad-b'].flatMap((name) => [
        passwordSecret(namespace, `${name}-password`, `secret-${name}`),
        activeDirectory(namespace, name),
      ]),
      rig.network('ad-a'),
      ...['s0', 's1'].map((name) => share(namespace, name, { shareNetworkName: 'net' })),
      access(namespace, 'alice', 's0'),
    );
    await rig.untilRules(['alice']);
    await rig.until('two servers', async () => (await rig.servers()).every(({ status }) => status?.phase === 'active'));
    return rig;
  }

  async stop(): Promise<void> {
    await this.operator.stop();
    await this.operator.forget();
    await this.proxy.stop();
    await this.cluster.stop();
  }

  async kill(): Promise<void> {
    this.kills += 1;
    await this.operator.kill();
    await this.operator.forget();
  }

  /** Lets everything pass again; a new operator takes over from one that was killed. */
  async revive(): Promise<void> {
    this.proxy.decide = () => 'pass';
    this.operator = await OperatorProcess.start(this.proxy.kubeconfigPath, this.#args);
  }

  backend(...faults: readonly DummyFault[]) {
    const dummy = { stateDirectory: this.cluster.stateDirectory, latency, faults, rotateKeysOnUpdate: true };
    return backend('dummy', dummy, { unusedShareServerTimeout: '200ms' });
  }

  /** Sets faults and waits until they are in force. */
  async faults(...faults: readonly DummyFault[]): Promise<void> {
    await this.cluster.apply(this.backend(...faults));
    await this.cluster.untilConfigured('dummy', settleMs);
  }

  network(service: string, maxConcurrentServers?: number) {
    const pace = maxConcurrentServers === undefined ? {} : { securityServiceChange: { maxConcurrentServers } };
    return network(this.namespace, 'net', [{ type: 'active_directory', name: service }], pace);
  }

  /** Refers the network to the service that it does not refer to; answers its name. */
  async changeService(maxConcurrentServers?: number): Promise<string> {
    const { spec } = await this.cluster.client.get(shareNetworks, this.name('net'));
    const service = spec.securityServices?.[0]?.name === 'ad-a' ? 'ad-b' : 'ad-a';
    await this.cluster.apply(this.network(service, maxConcurrentServers));
    return service;
  }

  name(name: string): { readonly namespace: string; readonly name: string } {
    return { namespace: this.namespace, name };
  }

  async servers(): Promise<readonly ShareServer[]> {
    return (await this.cluster.client.list(shareServers, { namespace: this.namespace })).items;
  }

  async makeShare(name: string): Promise<void> {
    await this.cluster.client.create(shares, share(this.namespace, name, { shareNetworkName: 'net' }));
  }

  async annotate(kind: string, name: string, key: string, value: string): Promise<void> {
    await this.cluster.kubectl('-n', this.namespace, 'annotate', '--overwrite', kind, name, `${key}=${value}`);
  }

  /** Whether exactly these keyed rules are granted on `s0`, with their Secrets and keys. */
  async rulesAgree(names: readonly string[], level = 'rw'): Promise<string | undefined> {
    return await ruleDisagreement(
      this.cluster,
      this.namespace,
      new Map(names.map((name) => [name, { share: 's0', level }])),
    );
  }

  async untilRules(names: readonly string[]): Promise<void> {
    await this.until('rules agree', async () => (await this.rulesAgree(names)) === undefined);
  }

  async until(what: string, holds: () => Promise<boolean>): Promise<void> {
    await eventually(what, holds, settleMs);
  }

  /** Calls about shares and servers so far. */
  async calls(): Promise<readonly RecordedCall[]> {
    return (await this.cluster.calls()).filter(({ namespace }) => namespace === this.namespace);
  }
}

/** Identifier of the operation that a call belongs to. */
export function operationID({ args }: RecordedCall): string {
  const operation: unknown = args?.operation;
  return typeof operation === 'object' && operation !== null && 'id' in operation ? String(operation.id) : '';
}
