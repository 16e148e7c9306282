import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { shareAccesses } from '../../../src/api/v1alpha1/resource-types.ts';
import type { ShareAccess } from '../../../src/api/v1alpha1/share-access.ts';
import { createInformer, type Informer } from '../../../src/runtime/informer.ts';
import { createLogger } from '../../../src/runtime/logger.ts';
import { eventually } from '../../faults/eventually.ts';
import { access } from '../manifests.ts';
import type { OperatorProcess } from '../operator-process.ts';
import { conditionOf, Tenant } from '../tenant.ts';
import { TestCluster } from '../test-cluster.ts';

/** The nightly run makes 4,000. */
const count = Number(process.env.LOAD_RULES ?? 1200);
/** Far below what a thread that is blocked for the length of a lease takes, and far more than a rule takes. */
const soonMs = 30_000;

describe('an operator without its webhook keeps its lease and serves the others', () => {
  let cluster: TestCluster;
  let operator: OperatorProcess;
  let rules: Informer<ShareAccess>;
  const stop = new AbortController();

  beforeAll(async () => {
    cluster = await TestCluster.start();
    operator = await cluster.startOperator('--leader-elect', '--webhook-mode=off');
  }, 180_000);

  afterAll(async () => {
    stop.abort();
    await cluster?.stop();
  });

  /** Number of rules of a namespace by phase and reason. Seen by a watch: lists of thousands would keep the API server busy. */
  function found(namespace: string): Readonly<Record<string, number>> {
    const counted = rules.cache.list(namespace).map((rule) => `${rule.status?.phase} ${conditionOf(rule, 'Ready')}`);
    return Object.fromEntries([...Map.groupBy(counted, (what) => what)].map(([what, { length }]) => [what, length]));
  }

  async function metric(name: string): Promise<number> {
    const line = (await operator.metrics()).split('\n').find((one) => one.startsWith(name));
    return Number(line?.split(' ').at(-1));
  }

  test('while one tenant makes thousands of rules with one target', { timeout: 1_800_000 }, async () => {
    const loud = await Tenant.make(cluster);
    const quiet = await loud.neighbour();
    await loud.makeShares(['share'], { protocol: 'NFS' });
    await quiet.makeShares(['share'], { protocol: 'NFS' });
    const logger = createLogger({ level: 'silent', format: 'json' });
    rules = createInformer(cluster.client, { type: shareAccesses }, { logger });
    rules.start(stop.signal);
    await rules.whenSynced();

    const names = Array.from({ length: count }, (_, index) => `rule-${String(index).padStart(5, '0')}`);
    const to = { accessType: 'ip', accessTo: '10.0.0.1' } as const;
    const rest = names.values();
    const makes = async (): Promise<void> => {
      for (const name of rest) await cluster.client.create(shareAccesses, access(loud.namespace, name, 'share', to));
    };
    const making = Promise.all(Array.from({ length: 16 }, makes));
    const latencies: number[] = [];
    const settled = (): boolean => {
      const { 'active True/Applied': active, ...others } = found(loud.namespace);
      return (
        active === 1 &&
        others['error False/DuplicateAccessRule'] === 999 &&
        others['error False/TooManyAccessRules'] === count - 1000
      );
    };
    for (let sample = 0; sample < 3 || !settled(); sample++) {
      const began = performance.now();
      const name = `sample-${sample}`;
      await quiet.grant(name, 'share', { accessType: 'ip', accessTo: `10.1.${sample >> 8}.${sample & 255}` });
      await quiet.untilRule(name, 'active', ({ status }) => status?.phase === 'active', soonMs);
      latencies.push(performance.now() - began);
    }
    await making;
    expect(latencies.every((latency) => latency < soonMs)).toBe(true);

    // A denial goes through beside what can't be applied, and the next one gets the access.
    const [winner] = rules.cache.list(loud.namespace).filter(({ status }) => status?.phase === 'active');
    await loud.kubectl('delete', 'shareaccess', winner?.metadata.name ?? '', `--timeout=${soonMs}ms`);
    await eventually('another one is active', () => found(loud.namespace)['active True/Applied'] === 1, soonMs);

    const lease = ['get', 'lease', '-n', 'sharenet-system', 'sharenet-operator'];
    expect(await cluster.kubectl(...lease, '-o', 'jsonpath={.spec.leaseTransitions}')).toMatch(/^0?$/);
    expect(await metric('controller_runtime_reconcile_blocking_total{controller="shareaccess"}')).toBe(0);
    await quiet.grant('last', 'share', { accessType: 'ip', accessTo: '10.2.0.1' });
    await quiet.untilActive('last');
  });
});
