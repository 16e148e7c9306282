import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { shareAccesses, shareNetworks, shareServers, shares } from '../../../src/api/v1alpha1/resource-types.ts';
import { eventually } from '../../faults/eventually.ts';
import { access, activeDirectory, backend, network, passwordSecret, share } from '../manifests.ts';
import { OperatorProcess } from '../operator-process.ts';
import { TestCluster } from '../test-cluster.ts';
import { restsWith, ruleDisagreement } from './agreement.ts';
import { ApiProxy } from './api-proxy.ts';
import { readDummyState } from './dummy-state.ts';
import { operationID } from './flow-rig.ts';
import { chooseSeed, withSeed } from './seeded-random.ts';
import { slowDown } from './slow-connection.ts';

/** `FAULTS=all` in the environment: also what takes minutes. */
const all = process.env.FAULTS === 'all';
const shareNames = ['s0', 's1'];
const settleMs = 120_000;
/** Kinds whose watch falls behind the others. */
const plurals = ['shares', 'shareaccesses', 'sharenetworks', 'shareservers', 'securityservices', 'secrets'];

describe('a connection to the API server that is in trouble', () => {
  let cluster: TestCluster;
  let proxy: ApiProxy;
  let operator: OperatorProcess;
  let namespace: string;

  beforeAll(async () => {
    cluster = await TestCluster.start();
    proxy = await ApiProxy.start(cluster.plane, cluster.operatorKubeconfig);
    await cluster.apply(
      backend('dummy', { stateDirectory: cluster.stateDirectory }, { unusedShareServerTimeout: '1s' }),
    );
    operator = await OperatorProcess.start(proxy.kubeconfigPath);
  }, 180_000);

  beforeEach(async () => {
    proxy.decide = () => 'pass';
    proxy.delayMs = () => 0;
    namespace = await cluster.namespace();
  });

  afterAll(async () => {
    await operator?.stop();
    await proxy?.stop();
    await cluster?.stop();
  });

  const manifest = (service: string) => network(namespace, 'net', [{ type: 'active_directory', name: service }]);
  const ruleOf = (name: string): string => `${namespace}-${name}`;

  /** Asks for two shares with a rule each. */
  async function ask(): Promise<void> {
    await cluster.apply(
      ...['ad-a', 'ad-b'].flatMap((name) => [
        passwordSecret(namespace, `${name}-password`, `secret-${name}`),
        activeDirectory(namespace, name),
      ]),
      manifest('ad-a'),
      ...shareNames.map((name) => share(namespace, name, { shareNetworkName: 'net' })),
      ...shareNames.map((name) => access(namespace, ruleOf(name), name)),
    );
  }

  /** Waits until it is there, changes the security service, and takes everything away again. */
  async function complete(within = settleMs): Promise<void> {
    const rules = new Map(shareNames.map((name) => [ruleOf(name), { share: name, level: 'rw' }]));
    await until('rules', async () => (await ruleDisagreement(cluster, namespace, rules)) === undefined);
    await cluster.apply(manifest('ad-b'));
    const changed = { namespace, name: 'net' };
    await cluster.until(shareNetworks, changed, 'changed', (stored) => restsWith(stored, 'ad-b'), within);
    await until('rules', async () => (await ruleDisagreement(cluster, namespace, rules)) === undefined);
    for (const name of rules.keys()) await cluster.client.delete(shareAccesses, { namespace, name });
    for (const name of shareNames) await cluster.client.delete(shares, { namespace, name });
    await until('nothing left', async () => {
      const state = await readDummyState(cluster.stateDirectory, 'dummy');
      const { items } = await cluster.client.list(shareServers, { namespace });
      const stored = [...state.servers, ...state.shares].filter((each) => each.namespace === namespace);
      return [...items, ...stored, ...state.keys].length === 0;
    });
  }

  async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
    await eventually(what, holds, settleMs);
  }

  /** What took effect once must not have done so under another operation as well. */
  async function expectSingleEffects(): Promise<void> {
    const succeeded = (await cluster.calls()).filter(
      (call) => call.namespace === namespace && call.result === 'ok' && !call.operation.startsWith('ensure'),
    );
    for (const operation of ['setupServer', 'createShare', 'deleteShare', 'teardownServer']) {
      const made = succeeded.filter((call) => call.operation === operation);
      const objects = new Set(made.map((call) => call.share ?? call.shareServer));
      expect(new Set(made.map(operationID)).size, `operations of ${operation}`).toBe(objects.size);
    }
  }

  test.each(all ? plurals : [plurals[chooseSeed() % plurals.length] ?? 'shares'])(
    'a watch of %s that falls behind all others keeps nothing from its end, and has nothing done twice',
    { timeout: 400_000 },
    async (plural) => {
      const release = proxy.holdWatches(plural);
      let held = true;
      const end = setTimeout(() => {
        release();
        held = false;
      }, 3000);
      try {
        await ask();
        await complete();
        expect(held, 'all was done before the watch had caught up').toBe(false);
      } finally {
        clearTimeout(end);
        release();
      }
      await expectSingleEffects();
    },
  );

  test('caches of different pasts keep nothing from its end, and have nothing done twice', {
    timeout: 400_000,
  }, async () => {
    const seed = chooseSeed();
    await withSeed(seed, async () => {
      slowDown(proxy, seed);
      await ask();
      await complete();
      await expectSingleEffects();
    });
  });

  test('a write that never gets an answer is made again', { timeout: 400_000 }, async () => {
    let swallowed = 0;
    proxy.decide = ({ isWrite, url }) => {
      if (!isWrite || swallowed >= 2 || !url.includes(namespace)) return 'pass';
      swallowed += 1;
      return 'swallow';
    };
    await ask();
    await complete();
    expect(swallowed).toBe(2);
    await expectSingleEffects();
  });

  test.runIf(all)(
    'connections that stay open while nothing comes over them any more are given up',
    { timeout: 900_000 },
    async () => {
      await ask();
      await until('shares', async () => (await cluster.client.list(shares, { namespace })).items.length === 2);
      proxy.freezeConnections();
      // What does not answer is noticed by time-outs: requests after 30 s, watches after 3 minutes.
      const noticedMs = 400_000;
      const rules = new Map(shareNames.map((name) => [ruleOf(name), { share: name, level: 'rw' }]));
      const agreed = async () => (await ruleDisagreement(cluster, namespace, rules)) === undefined;
      await eventually('rules', agreed, noticedMs);
      await complete(noticedMs);
      await expectSingleEffects();
    },
  );
});

describe('two operators and a lease of default length', () => {
  let cluster: TestCluster;
  const started: OperatorProcess[] = [];
  const proxies: ApiProxy[] = [];

  beforeAll(async () => {
    cluster = await TestCluster.start();
  }, 180_000);

  afterAll(async () => {
    for (const operator of started) await operator.kill();
    for (const proxy of proxies) await proxy.stop();
    await cluster?.stop();
  });

  async function startReplica(name: string): Promise<{ readonly operator: OperatorProcess; readonly proxy: ApiProxy }> {
    const proxy = await ApiProxy.start(cluster.plane, cluster.operatorKubeconfig, name);
    proxies.push(proxy);
    const operator = await OperatorProcess.start(proxy.kubeconfigPath, ['--leader-elect']);
    started.push(operator);
    return { operator, proxy };
  }

  test('one that is cut off from the API server calls no driver when the other has taken over', {
    timeout: 400_000,
  }, async () => {
    const namespace = await cluster.namespace();
    // One call at a time: there is a queue of them when the leader is cut off.
    const dummy = { stateDirectory: cluster.stateDirectory, latency: '2s' };
    await cluster.apply(backend('dummy', dummy, { maxConcurrentOperations: 1 }));
    const leader = await startReplica('first');
    const names = Array.from({ length: 20 }, (_, index) => `s${index}`);
    await cluster.apply(
      network(namespace, 'net', []),
      ...names.map((name) => share(namespace, name, { shareNetworkName: 'net' })),
    );
    const ofNamespace = async () => (await cluster.calls()).filter((call) => call.namespace === namespace);
    await eventually('calls', async () => (await ofNamespace()).length > 2, settleMs);
    const other = await startReplica('second');
    leader.proxy.decide = () => 'swallow';
    leader.proxy.freezeConnections();
    // Where it runs longer than the lease without the API server, it has given up by itself.
    await eventually(
      'the other has taken over',
      async () => /leader_election_master_status\{[^}]*\} 1/.test(await other.operator.metrics()),
      settleMs,
    );
    const tookOver = (await ofNamespace()).length;
    await eventually('further calls', async () => (await ofNamespace()).length > tookOver + 6, settleMs);
    // A backend has one call at a time. Two at once are of two operators.
    let running = 0;
    let most = 0;
    for (const { event } of (await ofNamespace()).slice(tookOver + 1)) {
      running = Math.max(0, running + (event === 'start' ? 1 : -1));
      most = Math.max(most, running);
    }
    expect(most, 'calls of both operators at once').toBe(1);
    await leader.operator.kill();
    for (const name of names.slice(0, 3)) {
      await cluster.until(
        shares,
        { namespace, name },
        'available',
        ({ status }) => status?.phase === 'available',
        settleMs,
      );
    }
  });
});
