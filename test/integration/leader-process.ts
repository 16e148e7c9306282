/**
 * A process that leads in turn with others: `node leader-process.ts <kubeconfig> <identity> <file>`. While it leads it appends a
 * line with its identity to the file and writes it to a ConfigMap, again and again. SIGTERM stops it in order.
 */
import { appendFileSync } from 'node:fs';
import { createApiClient } from '../../src/runtime/api-client.ts';
import { loadKubeConfig } from '../../src/runtime/kube-config.ts';
import type { KubeObject, ResourceType } from '../../src/runtime/kube-object.ts';
import { createLogger } from '../../src/runtime/logger.ts';
import { Manager } from '../../src/runtime/manager.ts';
import { RuntimeMetrics } from '../../src/runtime/metrics.ts';

const [kubeconfig, identity = '', file = ''] = process.argv.slice(2);
const configMaps: ResourceType<KubeObject> = {
  group: '',
  version: 'v1',
  kind: 'ConfigMap',
  plural: 'configmaps',
  namespaced: true,
};

const logger = createLogger({ level: 'debug', format: 'json' });
const client = createApiClient({
  kubeConfig: loadKubeConfig(kubeconfig),
  fieldManager: identity,
  userAgent: identity,
  logger,
});
const manager = new Manager({
  client,
  logger,
  metrics: new RuntimeMetrics(),
  leaderElection: {
    lease: { namespace: 'default', name: 'leader-test' },
    identity,
    leaseDurationMs: 3_000,
    renewDeadlineMs: 2_000,
    retryPeriodMs: 400,
  },
});
const target = { namespace: 'default', name: 'leader-test' };
let version: string | undefined;
const controller = manager.controller({
  name: 'ticker',
  workers: 1,
  reconcile: async () => {
    // Guarded like every write of the operator: one that was on its way when the process was frozen must not count.
    version ??= (await client.get(configMaps, target)).metadata.resourceVersion;
    const guarded = { metadata: { resourceVersion: version }, data: { holder: identity } };
    version = undefined;
    version = (await client.mergePatch(configMaps, target, guarded)).metadata.resourceVersion;
    appendFileSync(file, `${identity}\n`);
    return { requeueAfterMs: 20 };
  },
});
controller.enqueue({ name: 'tick' });

const stop = new AbortController();
process.once('SIGTERM', () => stop.abort());
try {
  await manager.run(stop.signal);
} catch (error) {
  logger.fatal({ err: error }, 'stopped');
  process.exitCode = 1;
}
await client.close();
process.exit();
