import { shareAccesses, shareNetworks } from '../../src/api/v1alpha1/resource-types.ts';
import { startWithWebhook } from '../integration/admission/webhook.ts';
import { activeDirectory, network, passwordSecret } from '../integration/manifests.ts';
import type { TestCluster } from '../integration/test-cluster.ts';
import { create, numbers, quiet, rule, shareWithBackend, untilActive } from './load.ts';
import { printHeading, printRow } from './table.ts';

const samples = 300;
const rulesOfShare = 500;

/** Milliseconds of one write after another: the middle one, and the one that 95 of 100 are quicker than. */
interface Latency {
  readonly median: number;
  readonly p95: number;
}

/** What the webhook adds to a write. Each write is a dry run, so that nothing of the operator's work is measured. */
export async function admissionLatency(cluster: TestCluster): Promise<void> {
  printHeading(`What the webhook adds to a write (${samples} dry runs, one after another)`);
  const namespace = await cluster.namespace();
  const first = await cluster.startOperator();
  await shareWithBackend(cluster, namespace, 'plain', 1);
  await cluster.apply(
    passwordSecret(namespace, 'ad-a-password', 'secret-a'),
    activeDirectory(namespace, 'ad-a'),
    network(namespace, 'net', []),
  );
  await create(
    cluster,
    shareAccesses,
    numbers(rulesOfShare).map((n) => rule(namespace, `rule-${n}`, 'share-0')),
  );
  await untilActive(cluster, namespace, rulesOfShare, 0);
  await quiet(first);
  const without = await measure(cluster, namespace);
  await first.stop();
  const { operator } = await startWithWebhook(cluster);
  await quiet(operator);
  const withWebhook = await measure(cluster, namespace);
  await operator.stop();
  // It is not there for what follows.
  await (await cluster.startOperator('--webhook-mode=off')).stop();
  for (const [what, before] of Object.entries(without)) {
    const after = withWebhook[what] ?? before;
    printRow({
      what,
      figure: `median ${ms(before.median)} -> ${ms(after.median)}, p95 ${ms(before.p95)} -> ${ms(after.p95)}`,
      against: `adds ${ms(after.median - before.median)}`,
    });
  }
}

async function measure(cluster: TestCluster, namespace: string): Promise<Readonly<Record<string, Latency>>> {
  const net = { namespace, name: 'net' };
  return {
    [`a ShareAccess on a share with ${rulesOfShare} rules`]: await latencyOf(async (n) => {
      await cluster.client.create(shareAccesses, rule(namespace, `sample-${n}`, 'share-0'), { dryRun: true });
    }),
    'a reference of a ShareNetwork': await latencyOf(async () => {
      const spec = { securityServices: [{ type: 'active_directory', name: 'ad-a' }] };
      await cluster.client.mergePatch(shareNetworks, net, { spec }, { dryRun: true });
    }),
    'a label of a ShareNetwork, which the webhook is not asked about': await latencyOf(async (n) => {
      await cluster.client.mergePatch(shareNetworks, net, { metadata: { labels: { n: `${n}` } } }, { dryRun: true });
    }),
  };
}

async function latencyOf(write: (n: number) => Promise<void>): Promise<Latency> {
  const taken: number[] = [];
  for (const n of numbers(samples)) {
    const from = performance.now();
    await write(n);
    taken.push(performance.now() - from);
  }
  taken.sort((left, right) => left - right);
  const at = (share: number): number => taken[Math.floor(taken.length * share)] ?? 0;
  return { median: at(0.5), p95: at(0.95) };
}

function ms(milliseconds: number): string {
  return `${milliseconds.toFixed(1)} ms`;
}
