import * as labels from '../../../src/api/v1alpha1/labels.ts';
import {
  apiVersion,
  securityServices,
  shareAccesses,
  shareNetworks,
  shareServers,
  shares,
  storageBackends,
} from '../../../src/api/v1alpha1/resource-types.ts';
import { ApiError, isNotFound } from '../../../src/runtime/api-error.ts';
import { secrets } from '../../../src/runtime/core-types.ts';
import type { KubeObject, ResourceType } from '../../../src/runtime/kube-object.ts';
import { readDummyState } from '../crash/dummy-state.ts';
import { passwordSecret } from '../manifests.ts';
import { OperatorProcess } from '../operator-process.ts';
import type { TestCluster } from '../test-cluster.ts';
import { names, type Step, type WrittenKind } from './steps.ts';

type AnyKind = WrittenKind | 'servers';

/** What objects of all kinds have in common here. */
interface AnyObject extends KubeObject {
  readonly spec?: object;
  readonly status?: {
    readonly phase?: string;
    readonly identifier?: string;
    readonly networkChange?: object;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

const types: Readonly<Record<AnyKind, ResourceType<AnyObject>>> = {
  backends: storageBackends,
  services: securityServices,
  networks: shareNetworks,
  servers: shareServers,
  shares,
  rules: shareAccesses,
};

/** Everything of the namespace, of the backends, and what the backends keep, at one moment. */
export type Observed = Awaited<ReturnType<World['observe']>>;

/** One namespace and two backends: what steps are done to. */
export class World {
  readonly cluster: TestCluster;
  readonly namespace: string;
  /** How often steps of each sort were accepted and refused by the API server. */
  readonly counts = new Map<string, number>();
  #operator: OperatorProcess | undefined;
  #tokens = 0;

  private constructor(cluster: TestCluster, namespace: string) {
    this.cluster = cluster;
    this.namespace = namespace;
  }

  static async make(cluster: TestCluster): Promise<World> {
    const world = new World(cluster, await cluster.namespace());
    await cluster.apply(...names.services.map((name) => passwordSecret(world.namespace, `${name}-password`, 'first')));
    await world.calm();
    return world;
  }

  /** Does a step. What the API server refuses changes nothing. */
  async do(step: Step): Promise<void> {
    const what = 'kind' in step ? `${step.do} ${step.kind}` : step.do;
    let refused = '';
    try {
      await this.#act(step);
    } catch (error) {
      if (!(error instanceof ApiError) || error.status < 400 || error.status >= 500) throw error;
      refused = ' refused';
    }
    this.counts.set(what + refused, (this.counts.get(what + refused) ?? 0) + 1);
  }

  /** Ends every disturbance: the operator runs, the backends are there, enabled and without faults, nothing is paused. */
  async calm(): Promise<void> {
    for (const name of names.backends) await this.#ensureBackend(name);
    this.#operator ??= await OperatorProcess.start(this.cluster.operatorKubeconfig);
    for (const kind of ['services', 'networks', 'servers', 'shares', 'rules'] as const) {
      for (const object of await this.#list(kind)) {
        if (object.metadata.annotations?.[labels.paused] !== undefined) {
          await this.#annotate(kind, object.metadata.name, { [labels.paused]: null });
        }
      }
    }
  }

  /** Does what a person does about objects that are not as they should be: resets phases, and asks for another try. */
  async nudge(): Promise<void> {
    this.#tokens += 1;
    const token = `nudge-${this.#tokens}`;
    for (const network of await this.#list('networks')) {
      const { phase, networkChange } = network.status ?? {};
      const lost = phase !== 'active' && networkChange === undefined && phase !== undefined;
      if (lost) await this.#setPhase('networks', network.metadata.name, 'active');
      if (isReady(network) && isUpToDate(network)) continue;
      await this.#annotate('networks', network.metadata.name, {
        [labels.reapplyRequestedAt]: token,
        [labels.reconcileRequestedAt]: token,
      });
    }
    for (const server of await this.#list('servers')) {
      const { phase, networkChange, identifier } = server.status ?? {};
      const reset = phase === 'error' || (phase === 'network_change' && networkChange === undefined);
      if (reset && identifier !== undefined) await this.#setPhase('servers', server.metadata.name, 'active');
      else if (!isReady(server)) {
        await this.#annotate('servers', server.metadata.name, { [labels.reconcileRequestedAt]: token });
      }
    }
    for (const kind of ['shares', 'rules'] as const) {
      for (const object of await this.#list(kind)) {
        if (isReady(object)) continue;
        await this.#annotate(kind, object.metadata.name, { [labels.reconcileRequestedAt]: token });
      }
    }
  }

  /** Reads everything. */
  async observe() {
    const { client, stateDirectory } = this.cluster;
    const { namespace } = this;
    const labelSelector = `${labels.accessKeyLabel}=true`;
    const [backends, services, networks, servers, allShares, rules, keySecrets, passwords] = await Promise.all([
      client.list(storageBackends),
      client.list(securityServices, { namespace }),
      client.list(shareNetworks, { namespace }),
      client.list(shareServers, { namespace }),
      client.list(shares, { namespace }),
      client.list(shareAccesses, { namespace }),
      client.list(secrets, { namespace, labelSelector }),
      client.list(secrets, { namespace, labelSelector: `${labels.credentialsLabel}=true` }),
    ]);
    const stored = await Promise.all(
      names.backends.map(async (backend) => ({ backend, ...(await readDummyState(stateDirectory, backend)) })),
    );
    return {
      backends: backends.items,
      services: services.items,
      networks: networks.items,
      servers: servers.items,
      shares: allShares.items,
      rules: rules.items,
      keySecrets: keySecrets.items,
      passwords: passwords.items,
      stored: {
        servers: stored.flatMap((one) => one.servers),
        shares: stored.flatMap((one) => one.shares.map((share) => ({ ...share, backend: one.backend }))),
        keys: stored.flatMap((one) => one.keys.map((key) => ({ ...key, backend: one.backend }))),
      },
    };
  }

  async #list(kind: AnyKind): Promise<readonly AnyObject[]> {
    const options = kind === 'backends' ? {} : { namespace: this.namespace };
    return (await this.cluster.client.list(types[kind], options)).items;
  }

  async stop(): Promise<void> {
    await this.#operator?.stop();
    await this.#operator?.forget();
  }

  async #act(step: Step): Promise<void> {
    const { client } = this.cluster;
    switch (step.do) {
      case 'write': {
        const { kind, name, spec } = step;
        const present = await this.cluster.find(types[kind], this.#name(kind, name));
        if (present !== undefined) await this.#edit(kind, present, spec);
        // Backends need what the steps do not choose.
        else if (kind !== 'backends') await client.create(types[kind], this.#object(kind, name, spec));
        return;
      }
      case 'delete': {
        const name = await this.#pick(step.kind, step.at);
        if (name !== undefined) await client.delete(types[step.kind], this.#name(step.kind, name));
        return;
      }
      case 'reset': {
        const all = await this.#list(step.kind);
        // An administrator does not call a server active that was never made.
        const picked = all.filter(({ status }) => step.kind === 'networks' || status?.identifier !== undefined);
        const name = picked[step.at % Math.max(1, picked.length)]?.metadata.name;
        if (name !== undefined) await this.#setPhase(step.kind, name, step.phase);
        return;
      }
      case 'pause': {
        const name = await this.#pick(step.kind, step.at);
        if (name === undefined) return;
        await this.#annotate(step.kind, name, { [labels.paused]: step.value ? 'true' : null });
        return;
      }
      case 'support': {
        const name = await this.#pick('servers', step.at);
        if (name === undefined) return;
        await this.#patch('servers', name, { spec: { securityServiceUpdateSupport: step.value } });
        return;
      }
      case 'faults':
        await this.#patch('backends', step.name, { spec: { dummy: { faults: step.faults } } });
        return;
      case 'password':
        await this.#setPassword(step.name, step.password);
        return;
      case 'tamper':
        await this.#tamper(step.at, step.how);
        return;
      case 'kill':
        await this.#operator?.kill();
        await this.#operator?.forget();
        this.#operator = undefined;
        return;
      case 'restart':
        await this.#operator?.stop();
        await this.#operator?.forget();
        this.#operator = await OperatorProcess.start(this.cluster.operatorKubeconfig, [], { waitReady: false });
    }
  }

  /** A merge of what may be changed: fields that the new spec lacks are removed. */
  async #edit(kind: WrittenKind, present: AnyObject, spec: Readonly<Record<string, unknown>>): Promise<void> {
    const fixed: readonly string[] =
      kind === 'shares'
        ? ['protocol', 'shareNetworkName', 'backendName', 'availabilityZone', 'deletionPolicy']
        : kind === 'rules'
          ? ['shareName', 'accessType', 'accessTo']
          : kind === 'services'
            ? ['type']
            : [];
    const keys = [...new Set([...Object.keys(present.spec ?? {}), ...Object.keys(spec)])].filter(
      (key) => !fixed.includes(key),
    );
    const patch = Object.fromEntries(keys.map((key) => [key, spec[key] ?? null]));
    await this.#patch(kind, present.metadata.name, { spec: patch });
  }

  async #ensureBackend(name: string): Promise<void> {
    const dummy = {
      stateDirectory: this.cluster.stateDirectory,
      driverHandlesShareServers: name === 'handling',
      faults: [],
    };
    const found = await this.cluster.find(types.backends, { name });
    if (found === undefined) {
      const timeouts = { operationTimeout: '1s', changeTimeout: '10s', unusedShareServerTimeout: '200ms' };
      await this.cluster.client.create(
        types.backends,
        this.#object('backends', name, { driver: 'dummy', dummy, ...timeouts }),
      );
    } else {
      await this.#patch('backends', name, { spec: { enabled: true, dummy } });
    }
  }

  async #setPassword(service: string, password: string | undefined): Promise<void> {
    const name = `${service}-password`;
    if (password === undefined) await this.cluster.client.delete(secrets, { namespace: this.namespace, name });
    else await this.cluster.apply(passwordSecret(this.namespace, name, password));
  }

  async #tamper(at: number, how: 'delete' | 'alter'): Promise<void> {
    const labelSelector = `${labels.accessKeyLabel}=true`;
    const { items } = await this.cluster.client.list(secrets, { namespace: this.namespace, labelSelector });
    const name = items[at % Math.max(1, items.length)]?.metadata.name;
    if (name === undefined) return;
    if (how === 'delete') await this.cluster.client.delete(secrets, { namespace: this.namespace, name });
    else {
      const data = { accessKey: Buffer.from('forged').toString('base64') };
      await this.cluster.client.mergePatch(secrets, { namespace: this.namespace, name }, { data });
    }
  }

  async #pick(kind: AnyKind, at: number): Promise<string | undefined> {
    const items = await this.#list(kind);
    return items[at % Math.max(1, items.length)]?.metadata.name;
  }

  #name(kind: AnyKind, name: string) {
    return kind === 'backends' ? { name } : { namespace: this.namespace, name };
  }

  #object(kind: WrittenKind, name: string, spec: Readonly<Record<string, unknown>>): AnyObject {
    return { apiVersion, kind: types[kind].kind, metadata: this.#name(kind, name), spec };
  }

  async #patch(kind: AnyKind, name: string, patch: object): Promise<void> {
    await this.cluster.client.mergePatch(types[kind], this.#name(kind, name), patch);
  }

  async #annotate(kind: AnyKind, name: string, annotations: Readonly<Record<string, string | null>>): Promise<void> {
    await this.#patch(kind, name, { metadata: { annotations } }).catch(ignoreMissing);
  }

  async #setPhase(kind: AnyKind, name: string, phase: string): Promise<void> {
    await this.cluster.client
      .mergePatch(types[kind], this.#name(kind, name), { status: { phase } }, { subresource: 'status' })
      .catch(ignoreMissing);
  }
}

/** A condition's status; absent ones are false. */
function holds({ status }: AnyObject, type: string): boolean {
  return status?.conditions?.find((condition) => condition.type === type)?.status === 'True';
}

function isReady(object: AnyObject): boolean {
  return holds(object, 'Ready');
}

function isUpToDate(network: AnyObject): boolean {
  return holds(network, 'SecurityServicesUpToDate');
}

/** The operator may remove what was just listed. */
function ignoreMissing(error: unknown): void {
  if (!isNotFound(error)) throw error;
}
