import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { shareAccesses, shares } from '../../../src/api/v1alpha1/resource-types.ts';
import { eventually } from '../../faults/eventually.ts';
import { access, activeDirectory, backend, network, passwordSecret, share } from '../manifests.ts';
import { OperatorProcess } from '../operator-process.ts';
import { TestCluster } from '../test-cluster.ts';
import { ruleDisagreement } from './agreement.ts';
import { chooseSeed, withSeed } from './seeded-random.ts';

const kills = 15;
const shareNames = ['s0', 's1', 's2', 's3'];

describe('an operator that is killed while it grants and denies', () => {
  let cluster: TestCluster;
  let namespace: string;

  beforeAll(async () => {
    cluster = await TestCluster.start();
    namespace = await cluster.namespace();
    await cluster.apply(
      backend('dummy', { stateDirectory: cluster.stateDirectory, latency: '100ms' }),
      passwordSecret(namespace, 'ad-password', 'secret-ad'),
      activeDirectory(namespace, 'ad'),
      network(namespace, 'net', [{ type: 'active_directory', name: 'ad' }]),
      ...shareNames.map((name) => share(namespace, name, { shareNetworkName: 'net' })),
    );
    const operator = await OperatorProcess.start(cluster.operatorKubeconfig);
    for (const name of shareNames) {
      await cluster.until(shares, { namespace, name }, 'available', ({ status }) => status?.phase === 'available');
    }
    await operator.stop();
  }, 180_000);

  afterAll(async () => {
    await cluster?.stop();
  });

  test(`leaves every key in its Secret and nothing behind, killed at ${kills} random moments`, {
    timeout: 400_000,
  }, async () => {
    await withSeed(chooseSeed(), async (random) => {
      const desired = new Map<string, { share: string; level: 'rw' | 'ro' }>();
      const grant = async (index: number) => {
        const rule = { share: shareNames[index % 4] ?? 's0', level: random() < 0.5 ? 'rw' : 'ro' } as const;
        desired.set(`u${index}`, rule);
        await cluster.client.create(
          shareAccesses,
          access(namespace, `u${index}`, rule.share, { accessLevel: rule.level }),
        );
      };
      const deny = async (name: string) => {
        desired.delete(name);
        await cluster.client.delete(shareAccesses, { namespace, name });
      };
      const turn = async (name: string) => {
        const rule = desired.get(name);
        if (rule === undefined) return;
        rule.level = rule.level === 'rw' ? 'ro' : 'rw';
        await cluster.client.mergePatch(shareAccesses, { namespace, name }, { spec: { accessLevel: rule.level } });
      };
      const disturb = async (round: number) => {
        for (const name of desired.keys()) {
          const chance = random();
          if (chance < 0.08) await deny(name);
          else if (chance < 0.16) await turn(name);
        }
        for (let each = 0; each < 4; each += 1) await grant(round * 4 + each);
      };
      for (let index = 0; index < 40; index += 1) await grant(index);
      for (let round = 0; round < kills; round += 1) {
        const operator = await OperatorProcess.start(cluster.operatorKubeconfig);
        await pause(random() * 300);
        await disturb(round + 10);
        await pause(random() * 500);
        await operator.kill();
      }
      const operator = await OperatorProcess.start(cluster.operatorKubeconfig);
      let reason: string | undefined;
      await eventually(
        'agreement',
        async () => {
          reason = await ruleDisagreement(cluster, namespace, desired);
          return reason === undefined;
        },
        120_000,
      ).catch(() => {
        throw new Error(reason);
      });
      await operator.stop();
    });
  });
});
