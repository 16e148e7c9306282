import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { shareAccesses, shareNetworks, shareServers, shares } from '../../../src/api/v1alpha1/resource-types.ts';
import { eventually } from '../../faults/eventually.ts';
import { access, activeDirectory, backend, network, passwordSecret, share } from '../manifests.ts';
import { OperatorProcess } from '../operator-process.ts';
import { TestCluster } from '../test-cluster.ts';
import { restsWith, ruleDisagreement } from './agreement.ts';
import { ApiProxy, type Passage } from './api-proxy.ts';
import { readDummyState } from './dummy-state.ts';
import { chooseSeed, withSeed } from './seeded-random.ts';
import { expectChanged } from './settled.ts';

interface Trouble {
  readonly name: string;
  /** One in so many requests has the trouble, at random: in step with the operator's own rhythm, some would never pass. */
  readonly every: number;
  readonly passage: Passage;
}

const troubles: readonly Trouble[] = [
  { name: 'answers 500', every: 3, passage: { status: 500 } },
  { name: 'answers 503 with Retry-After', every: 4, passage: { status: 503, retryAfter: '1' } },
  { name: 'answers 429', every: 4, passage: { status: 429, retryAfter: '1' } },
  { name: 'answers 409', every: 3, passage: { status: 409 } },
  { name: 'cuts connections', every: 3, passage: 'cut' },
  { name: 'stores and cuts connections', every: 3, passage: 'cut-answer' },
];

describe('an API server in trouble', () => {
  let cluster: TestCluster;
  let proxy: ApiProxy;
  let operator: OperatorProcess;

  beforeAll(async () => {
    cluster = await TestCluster.start();
    proxy = await ApiProxy.start(cluster.plane, cluster.operatorKubeconfig);
    await cluster.apply(
      backend('dummy', { stateDirectory: cluster.stateDirectory }, { unusedShareServerTimeout: '1s' }),
    );
    operator = await OperatorProcess.start(proxy.kubeconfigPath);
  }, 180_000);

  afterAll(async () => {
    await operator?.stop();
    await proxy?.stop();
    await cluster?.stop();
  });

  /** Sets up two shares with a rule each, changes their security service, and takes everything away again. */
  async function mainJob(namespace: string): Promise<void> {
    const manifest = (service: string) => network(namespace, 'net', [{ type: 'active_directory', name: service }]);
    const rules = new Map(['s0', 's1'].map((share) => [`${namespace}-${share}`, { share, level: 'rw' }]));
    await cluster.apply(
      ...['ad-a', 'ad-b'].flatMap((name) => [
        passwordSecret(namespace, `${name}-password`, `secret-${name}`),
        activeDirectory(namespace, name),
      ]),
      manifest('ad-a'),
      ...['s0', 's1'].map((name) => share(namespace, name, { shareNetworkName: 'net' })),
      ...['s0', 's1'].map((name) => access(namespace, `${namespace}-${name}`, name)),
    );
    let reason: string | undefined;
    await eventually(
      'rules',
      async () => {
        reason = await ruleDisagreement(cluster, namespace, rules);
        return reason === undefined;
      },
      90_000,
    ).catch(() => {
      throw new Error(`rules: ${reason}`);
    });
    await cluster.apply(manifest('ad-b'));
    const name = { namespace, name: 'net' };
    await cluster.until(shareNetworks, name, 'changed', (stored) => restsWith(stored, 'ad-b'), 90_000);
    await expectChanged(cluster, namespace, { network: 'net', service: 'ad-b', servers: 2 });
    for (const rule of rules.keys()) await cluster.client.delete(shareAccesses, { namespace, name: rule });
    for (const share of ['s0', 's1']) await cluster.client.delete(shares, { namespace, name: share });
    for (const share of ['s0', 's1']) await cluster.untilGone(shares, { namespace, name: share }, 90_000);
    let left: readonly unknown[] = [];
    await eventually(
      'servers torn down',
      async () => {
        const { items } = await cluster.client.list(shareServers, { namespace });
        const state = await readDummyState(cluster.stateDirectory, 'dummy');
        const stored = [...state.servers, ...state.shares].filter((each) => each.namespace === namespace);
        left = [...items, ...stored, ...state.keys.filter(({ id }) => rules.has(id))];
        return left.length === 0;
      },
      90_000,
    ).catch(() => {
      throw new Error(`not torn down: ${JSON.stringify(left)}`);
    });
  }

  test.each(troubles)(
    'that $name one time in $every does not keep the main job from its end',
    { timeout: 300_000 },
    async ({ every, passage }) => {
      await withSeed(chooseSeed(), async (random) => {
        const namespace = await cluster.namespace();
        let struck = 0;
        proxy.decide = ({ isWatch, isWrite, method }) => {
          // A conflict on a list or get cannot happen; a lost answer means something for writes alone.
          if (isWatch || (method === 'GET' && (passage === 'cut-answer' || isConflict(passage)))) return 'pass';
          if ((!isWrite && method !== 'GET') || random() >= 1 / every) return 'pass';
          struck += 1;
          return passage;
        };
        try {
          await mainJob(namespace);
        } finally {
          proxy.decide = () => 'pass';
        }
        expect(struck).toBeGreaterThan(5);
      });
    },
  );

  test('that cuts all watches again and again does not keep the main job from its end', {
    timeout: 300_000,
  }, async () => {
    const namespace = await cluster.namespace();
    let cuts = 0;
    const timer = setInterval(() => {
      proxy.cutWatches();
      cuts += 1;
    }, 150);
    try {
      await mainJob(namespace);
    } finally {
      clearInterval(timer);
    }
    expect(cuts).toBeGreaterThan(10);
  });
});

function isConflict(passage: Passage): boolean {
  return typeof passage === 'object' && 'status' in passage && passage.status === 409;
}
