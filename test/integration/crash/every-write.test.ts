import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { shareAccesses, shareNetworks, shareServers, shares } from '../../../src/api/v1alpha1/resource-types.ts';
import type { KubeObject } from '../../../src/runtime/kube-object.ts';
import { eventually } from '../../faults/eventually.ts';
import { access, activeDirectory, backend, network, passwordSecret, share } from '../manifests.ts';
import { OperatorProcess } from '../operator-process.ts';
import { TestCluster } from '../test-cluster.ts';
import { restsWith, ruleDisagreement } from './agreement.ts';
import { ApiProxy } from './api-proxy.ts';
import { readDummyState } from './dummy-state.ts';
import { expectChanged } from './settled.ts';

/**
 * Where the operator dies at a write: before it reaches the API server (what a driver did is not stored), or when it is stored
 * and the operator does not know.
 */
const moments = ['before', 'after'] as const;

describe('an operator that is killed at every write', () => {
  let cluster: TestCluster;
  let proxy: ApiProxy;
  let namespace: string;
  let operator: OperatorProcess;
  const names = ['s0', 's1', 's2'];

  beforeAll(async () => {
    cluster = await TestCluster.start();
    proxy = await ApiProxy.start(cluster.plane, cluster.operatorKubeconfig);
    namespace = await cluster.namespace();
    operator = await OperatorProcess.start(proxy.kubeconfigPath);
    await cluster.apply(
      backend('dummy', { stateDirectory: cluster.stateDirectory }, { unusedShareServerTimeout: '200ms' }),
      ...['ad-a', 'ad-b'].flatMap((name) => [
        passwordSecret(namespace, `${name}-password`, `secret-${name}`),
        activeDirectory(namespace, name),
      ]),
      network(namespace, 'net', [{ type: 'active_directory', name: 'ad-a' }]),
      ...names.map((name) => share(namespace, name, { shareNetworkName: 'net' })),
      access(namespace, 'alice', 's0'),
    );
    await untilRulesAgree(new Map([['alice', { share: 's0', level: 'rw' }]]));
    await eventually(
      'three servers',
      async () => {
        const { items } = await cluster.client.list(shareServers, { namespace });
        return items.length === names.length && items.every(({ status }) => status?.phase === 'active');
      },
      30_000,
    );
  }, 180_000);

  afterAll(async () => {
    await operator?.stop();
    await proxy?.stop();
    await cluster?.stop();
  });

  const remove = (type: typeof shares | typeof shareAccesses, name: string) =>
    cluster.client.delete(type, { namespace, name });

  async function untilRulesAgree(desired: ReadonlyMap<string, { readonly share: string; readonly level: string }>) {
    let reason: string | undefined;
    await eventually(
      'rules agree',
      async () => {
        reason = await ruleDisagreement(cluster, namespace, desired);
        return reason === undefined;
      },
      30_000,
    ).catch(() => {
      throw new Error(reason);
    });
  }

  /**
   * Does a step with the operator being killed at its first write, again at its second, and so on until the step needs no more
   * writes; each time a new operator completes it.
   * @returns how many writes the step took
   */
  async function killAtEveryWrite(
    moment: (typeof moments)[number],
    step: (
      round: number,
    ) => Promise<{ readonly completed: () => Promise<void>; readonly isDone: () => Promise<boolean> }>,
  ): Promise<number> {
    for (let round = 1; ; round += 1) {
      let writes = 0;
      let death: Promise<void> | undefined;
      proxy.decide = ({ isWrite }) => {
        if (death !== undefined) return 'cut';
        if (!isWrite) return 'pass';
        writes += 1;
        if (writes < round) return 'pass';
        if (moment === 'before') death = operator.kill();
        else death = new Promise((resolve) => setTimeout(resolve, 100)).then(() => operator.kill());
        return moment === 'before' ? 'cut' : 'cut-answer';
      };
      const { completed, isDone } = await step(round);
      await eventually('killed or done', async () => death !== undefined || (await isDone()), 30_000);
      const killed = death !== undefined;
      await death;
      proxy.decide = () => 'pass';
      if (killed) operator = await OperatorProcess.start(proxy.kubeconfigPath);
      await completed();
      if (!killed) return writes;
    }
  }

  test('a level that was applied and taken back by the time of the next operator is not left on the backend', async () => {
    let death: Promise<void> | undefined;
    proxy.decide = ({ isWrite }) => {
      if (isWrite) death ??= operator.kill();
      return death === undefined ? 'pass' : 'cut';
    };
    const turn = (accessLevel: 'rw' | 'ro') =>
      cluster.client.mergePatch(shareAccesses, { namespace, name: 'alice' }, { spec: { accessLevel } });
    await turn('ro');
    await eventually('killed before it could note the level', async () => death !== undefined, 30_000);
    await death;
    const left = await ruleDisagreement(cluster, namespace, new Map([['alice', { share: 's0', level: 'ro' }]]));
    expect(left).toBe('rule alice: level rw');
    await turn('rw');
    proxy.decide = () => 'pass';
    operator = await OperatorProcess.start(proxy.kubeconfigPath);
    await untilRulesAgree(new Map([['alice', { share: 's0', level: 'rw' }]]));
  });

  describe.each(moments)('%s it is stored', (moment) => {
    test('completes a change over three servers', { timeout: 400_000 }, async () => {
      let service = 'ad-a';
      const writes = await killAtEveryWrite(moment, async () => {
        service = service === 'ad-a' ? 'ad-b' : 'ad-a';
        const name = { namespace, name: 'net' };
        const { spec } = network(namespace, 'net', [{ type: 'active_directory', name: service }]);
        await cluster.client.mergePatch(shareNetworks, name, { spec });
        return {
          isDone: async () => restsWith(await cluster.find(shareNetworks, name), service),
          completed: async () => {
            await cluster.until(shareNetworks, name, `with ${service}`, (stored) => restsWith(stored, service));
            await expectChanged(cluster, namespace, { network: 'net', service, servers: names.length });
          },
        };
      });
      expect(writes).toBeGreaterThanOrEqual(2 * names.length + 2);
    });

    test('grants, changes and denies keyed rules', { timeout: 400_000 }, async () => {
      const level = { share: 's0', level: 'rw' };
      let granted = 0;
      const grant = await killAtEveryWrite(moment, async (round) => {
        granted = round;
        const desired = new Map([['alice', level]]);
        for (let each = 1; each <= round; each += 1) desired.set(`user-${each}`, level);
        await cluster.client.create(shareAccesses, access(namespace, `user-${round}`, 's0'));
        const agreed = async () => (await ruleDisagreement(cluster, namespace, desired)) === undefined;
        return { isDone: agreed, completed: () => untilRulesAgree(desired) };
      });
      expect(grant).toBe(3);
      const remaining = new Map(Array.from({ length: granted }, (_, index) => [`user-${index + 1}`, level]));
      const deny = await killAtEveryWrite(moment, async (round) => {
        const name = round === 1 ? 'alice' : `user-${round - 1}`;
        remaining.delete(name);
        const desired = new Map(remaining);
        await remove(shareAccesses, name);
        const agreed = async () => (await ruleDisagreement(cluster, namespace, desired)) === undefined;
        return { isDone: agreed, completed: () => untilRulesAgree(desired) };
      });
      expect(deny).toBe(2);
      for (const name of remaining.keys()) await remove(shareAccesses, name);
      await cluster.client.create(shareAccesses, access(namespace, 'alice', 's0'));
      await untilRulesAgree(new Map([['alice', level]]));
    });

    test('makes and deletes shares with their servers', { timeout: 400_000 }, async () => {
      let made = 0;
      /** Whether so many shares and servers are left of those made here, in the cluster and on the backend. */
      const isTornDown = async (left: number) => {
        const state = await readDummyState(cluster.stateDirectory, 'dummy');
        const { items } = await cluster.client.list(shareServers, { namespace });
        const expected = names.length + left;
        return [state.shares, state.servers, items].every(({ length }) => length === expected);
      };
      const make = await killAtEveryWrite(moment, async (round) => {
        made = round;
        const name = `${moment}-${round}`;
        await cluster.client.create(shares, share(namespace, name, { shareNetworkName: 'net' }));
        const isDone = async () => isReady(await cluster.find(shares, { namespace, name }));
        return {
          isDone,
          completed: async () => {
            await cluster.until(shares, { namespace, name }, 'ready', isReady, 30_000);
            const state = await readDummyState(cluster.stateDirectory, 'dummy');
            expect(state.shares.filter((stored) => stored.name === name)).toHaveLength(1);
            expect(state.servers).toHaveLength(names.length + round);
          },
        };
      });
      expect(make).toBeGreaterThanOrEqual(5);
      await killAtEveryWrite(moment, async (round) => {
        const name = `${moment}-${round}`;
        expect(round, 'a share that is left for this round').toBeLessThanOrEqual(made);
        await remove(shares, name);
        return {
          isDone: () => isTornDown(made - round),
          completed: async () => {
            await cluster.untilGone(shares, { namespace, name });
            await eventually('torn down', () => isTornDown(made - round), 30_000);
          },
        };
      });
      // The writes of a deletion are fewer than those of a creation: what is left for no round.
      for (let each = 1; each <= made; each += 1) {
        const name = `${moment}-${each}`;
        if ((await cluster.find(shares, { namespace, name })) !== undefined) await remove(shares, name);
      }
      await eventually('torn down', () => isTornDown(0), 30_000);
    });
  });
});

function isReady(
  object:
    | (KubeObject & {
        readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
      })
    | undefined,
): boolean {
  return object?.status?.conditions?.find(({ type }) => type === 'Ready')?.status === 'True';
}
