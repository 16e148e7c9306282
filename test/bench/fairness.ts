import { shareAccesses, shareNetworks, shareServers, shares } from '../../src/api/v1alpha1/resource-types.ts';
import type { DummyFault } from '../../src/drivers/dummy/config.ts';
import { eventually } from '../faults/eventually.ts';
import { activeDirectory, backend, network, passwordSecret, share } from '../integration/manifests.ts';
import type { OperatorProcess } from '../integration/operator-process.ts';
import type { TestCluster } from '../integration/test-cluster.ts';
import { median } from './latency.ts';
import { create, numbers, parallel, quiet, rule, shareWithBackend } from './load.ts';
import { between, read } from './measure.ts';
import { printHeading, printRow, seconds } from './table.ts';

const loadOfRules = 10_000;
/** Far more than a backend has slots. */
const stuckCalls = 40;
/** The tenant who is measured. */
const ruleSamples = 20;
const changeSamples = 3;

/** Someone who wants one thing at a time, on backends that they share with others. */
class Bystander {
  readonly #cluster: TestCluster;
  readonly #namespace: string;
  #rules = 0;
  #changes = 0;

  private constructor(cluster: TestCluster, namespace: string) {
    this.#cluster = cluster;
    this.#namespace = namespace;
  }

  /** Gives a new namespace a share on `plain`, and a network with one share server on `servers`. */
  static async make(cluster: TestCluster, plain: string, servers: string): Promise<Bystander> {
    const namespace = await cluster.namespace();
    await shareWithBackend(cluster, namespace, plain, 1);
    await cluster.apply(
      ...['ad-0', 'ad-1'].flatMap((name) => [
        passwordSecret(namespace, `${name}-password`, `secret-${name}`),
        activeDirectory(namespace, name),
      ]),
      network(namespace, 'net', [{ type: 'active_directory', name: 'ad-0' }]),
      share(namespace, 'on-server', { backendName: servers, shareNetworkName: 'net' }),
    );
    const name = { namespace, name: 'on-server' };
    await cluster.until(shares, name, 'available', ({ status }) => status?.phase === 'available');
    return new Bystander(cluster, namespace);
  }

  /** Milliseconds of making one keyed rule. */
  async makeRule(): Promise<number> {
    const name = `sample-${this.#rules++}`;
    const from = performance.now();
    await this.#cluster.client.create(shareAccesses, rule(this.#namespace, name, 'share-0'));
    await this.#cluster.until(
      shareAccesses,
      { namespace: this.#namespace, name },
      'active',
      ({ status }) => status?.phase === 'active',
      120_000,
    );
    return performance.now() - from;
  }

  /** Milliseconds of changing the network's security service. */
  async change(): Promise<number> {
    const service = `ad-${++this.#changes % 2}`;
    const net = { namespace: this.#namespace, name: 'net' };
    const from = performance.now();
    await this.#cluster.client.mergePatch(shareNetworks, net, {
      spec: { securityServices: [{ type: 'active_directory', name: service }] },
    });
    await this.#cluster.until(
      shareNetworks,
      net,
      'changed',
      ({ metadata, status }) =>
        status?.phase === 'active' &&
        status.observedGeneration === metadata.generation &&
        status.securityServices?.[0]?.name === service,
      120_000,
    );
    return performance.now() - from;
  }

  async measure(): Promise<Samples> {
    const rules: number[] = [];
    const changes: number[] = [];
    for (const _ of numbers(ruleSamples)) rules.push(await this.makeRule());
    for (const _ of numbers(changeSamples)) changes.push(await this.change());
    return { rules, changes };
  }
}

interface Samples {
  readonly rules: readonly number[];
  readonly changes: readonly number[];
}

function print(when: string, measured: Samples, alone?: Samples): void {
  for (const kind of ['rules', 'changes'] as const) {
    const middle = median(measured[kind]);
    const ratio = alone === undefined ? '' : `, ${(middle / median(alone[kind])).toFixed(1)} times as long as alone`;
    printRow({
      what: `a ${kind === 'rules' ? 'rule' : 'change of 1 server, 50 ms driver'}, ${when}`,
      figure: `median ${seconds(middle)}, longest ${seconds(Math.max(...measured[kind]))}${ratio}`,
    });
  }
}

/** Measures the bystander, and what the operator did for the other meanwhile. */
async function underLoad(operator: OperatorProcess, bystander: Bystander, when: string, alone: Samples): Promise<void> {
  const before = await read(operator);
  const from = performance.now();
  print(when, await bystander.measure(), alone);
  const elapsed = (performance.now() - from) / 1000;
  const { writes, cpuSeconds } = between(before, await read(operator));
  printRow({
    what: 'the operator meanwhile',
    figure: `${Math.round(writes / elapsed)} writes/s, ${Math.round((cpuSeconds / elapsed) * 100)} % of a CPU`,
  });
}

/** Whether everything that a namespace asked for has been waiting or hanging for a second: the operator says so then. */
async function allHang(cluster: TestCluster, namespace: string): Promise<boolean> {
  const { items: rules } = await cluster.client.list(shareAccesses, { namespace });
  const { items: servers } = await cluster.client.list(shareServers, { namespace });
  await new Promise((resolve) => setTimeout(resolve, 500));
  return (
    rules.every(({ status }) => status?.phase === 'applying') &&
    servers.length === stuckCalls &&
    servers.every(({ status }) => status?.operation !== undefined)
  );
}

/** What one tenant notices of another one's load, and of another one's storage that hangs. */
export async function fairness(cluster: TestCluster): Promise<void> {
  printHeading(`A tenant beside another one who makes ${loadOfRules} rules, takes them away, or whose storage hangs`);
  await cluster.apply(
    backend('fair-plain', { driverHandlesShareServers: false }),
    backend('fair-servers', { latency: '50ms' }),
  );
  const operator = await cluster.startOperator();
  const bystander = await Bystander.make(cluster, 'fair-plain', 'fair-servers');
  const loud = await cluster.namespace();
  await shareWithBackend(cluster, loud, 'fair-plain', 100);
  await quiet(operator);
  const alone = await bystander.measure();
  print('alone', alone);

  const rules = numbers(loadOfRules).map((n) => rule(loud, `rule-${n}`, `share-${n % 100}`));
  let made = 0;
  const making = parallel(rules, 16, async (one) => {
    await cluster.client.create(shareAccesses, one);
    made += 1;
  });
  // Its failure is thrown below.
  making.catch(() => undefined);
  await eventually('the load is on', () => made >= loadOfRules / 10 || undefined, 60_000);
  await underLoad(operator, bystander, 'while the other makes rules', alone);
  await making;
  await underLoad(operator, bystander, 'while they are granted', alone);
  let enough = false;
  const taking = parallel(rules, 16, async ({ metadata: { name } }) => {
    if (!enough) await cluster.client.delete(shareAccesses, { namespace: loud, name });
  });
  taking.catch(() => undefined);
  await underLoad(operator, bystander, 'while the other takes them away', alone);
  enough = true;
  await taking;
  await operator.stop();
  await hanging(cluster, alone);
}

/** Storage that hangs for one tenant: the tenant's calls end at their timeout, or never. */
async function hanging(cluster: TestCluster, alone: Samples): Promise<void> {
  for (const message of ['', 'ignore-abort']) {
    const suffix = message === '' ? 'hang' : 'stuck';
    const stuck = await cluster.namespace();
    const faults = (...operations: readonly string[]): readonly DummyFault[] =>
      operations.map((operation) => ({ operation, kind: 'hang', message, match: { namespace: stuck } }));
    await cluster.apply(
      backend(`${suffix}-plain`, { driverHandlesShareServers: false, faults: faults('updateAccess') }),
      backend(`${suffix}-servers`, { latency: '50ms', faults: faults('setupServer') }),
    );
    const operator = await cluster.startOperator();
    const bystander = await Bystander.make(cluster, `${suffix}-plain`, `${suffix}-servers`);
    await shareWithBackend(cluster, stuck, `${suffix}-plain`, stuckCalls);
    await cluster.apply(network(stuck, 'net', []));
    await create(
      cluster,
      shares,
      numbers(stuckCalls).map((n) =>
        share(stuck, `server-${n}`, { backendName: `${suffix}-servers`, shareNetworkName: 'net' }),
      ),
    );
    await create(
      cluster,
      shareAccesses,
      numbers(stuckCalls).map((n) => rule(stuck, `rule-${n}`, `share-${n}`)),
    );
    await eventually('its calls hang', () => allHang(cluster, stuck), 60_000);
    const what = message === '' ? 'until their timeout' : 'for ever';
    print(`${stuckCalls} calls of the other hang ${what}`, await bystander.measure(), alone);
    await operator.stop();
  }
}
