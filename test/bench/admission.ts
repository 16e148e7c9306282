import { shareAccesses, shareNetworks } from '../../src/api/v1alpha1/resource-types.ts';
import { startWithWebhook } from '../integration/admission/webhook.ts';
import { activeDirectory, network, passwordSecret } from '../integration/manifests.ts';
import type { TestCluster } from '../integration/test-cluster.ts';
import { type Latency, latencyOf, ms } from './latency.ts';
import { create, numbers, quiet, rule, shareWithBackend, untilActive } from './load.ts';
import { printHeading, printRow } from './table.ts';

const samples = 300;
const rulesOfShare = 500;

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
    [`a ShareAccess on a share with ${rulesOfShare} rules`]: await latencyOf(samples, async (n) => {
      await cluster.client.create(shareAccesses, rule(namespace, `sample-${n}`, 'share-0'), { dryRun: true });
    }),
    'a reference of a ShareNetwork': await latencyOf(samples, async () => {
      const spec = { securityServices: [{ type: 'active_directory', name: 'ad-a' }] };
      await cluster.client.mergePatch(shareNetworks, net, { spec }, { dryRun: true });
    }),
    'a label of a ShareNetwork, which the webhook is not asked about': await latencyOf(samples, async (n) => {
      await cluster.client.mergePatch(shareNetworks, net, { metadata: { labels: { n: `${n}` } } }, { dryRun: true });
    }),
  };
}
