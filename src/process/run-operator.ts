import { apiGroup } from '../api/v1alpha1/resource-types.ts';
import { loadInstallation } from '../cluster-state/installation.ts';
import { DriverInstances } from '../controllers/driver-calls/driver-instances.ts';
import type { OperatorMetrics } from '../controllers/metrics/operator-metrics.ts';
import { type DriverModules, driverModules } from '../drivers/registry.ts';
import type { HttpApiClient } from '../runtime/api-client.ts';
import { systemClock } from '../runtime/clock.ts';
import { BackgroundEventRecorder } from '../runtime/events.ts';
import type { Logger } from '../runtime/logger.ts';
import { Manager } from '../runtime/manager.ts';
import { RuntimeMetrics } from '../runtime/metrics.ts';
import { checkSchemaVersion, connect } from './client.ts';
import { type Config, processIdentity } from './config.ts';
import { addControllers } from './controllers.ts';
import { addWebhook } from './webhook.ts';

const clock = systemClock;
const leaseName = 'sharenet-operator';

/**
 * Most milliseconds that running work may take at a stop. With the last events, the lease and the drivers that are closed
 * afterwards it stays below the 30 s that Kubernetes waits before it kills.
 */
const gracefulShutdownMs = 24_000;
const eventsFlushMs = 2000;
const driversCloseMs = 2000;

/**
 * Runs the operator until the signal aborts.
 * @throws Error with one line for the administrator when it can't start, or lost its lease
 */
export async function runOperator(
  config: Config,
  logger: Logger,
  signal: AbortSignal,
  modules: DriverModules = driverModules,
): Promise<void> {
  const metrics = new RuntimeMetrics();
  metrics.collectProcessMetrics();
  const client = connect(config, logger, metrics);
  const instances = new DriverInstances(clock);
  // Before the manager runs there is nothing to drain: a stop ends the requests of the start.
  const endRequests = (): void => void client.close();
  signal.addEventListener('abort', endRequests, { once: true });
  try {
    const manager = await assemble({ config, logger, metrics, client, instances, modules }).catch((error) => {
      if (!signal.aborted) throw error;
      return undefined;
    });
    signal.removeEventListener('abort', endRequests);
    await manager?.run(signal);
  } finally {
    await Promise.race([instances.close(), clock.sleep(driversCloseMs)]);
    await client.close();
  }
}

/** What the parts of the process are made from. */
interface Parts {
  readonly config: Config;
  readonly logger: Logger;
  readonly metrics: RuntimeMetrics;
  readonly client: HttpApiClient;
  readonly instances: DriverInstances;
  readonly modules: DriverModules;
}

/** The manager with all that it runs: informers, controllers and webhook. */
async function assemble({ config, logger, metrics, client, instances, modules }: Parts): Promise<Manager> {
  await checkSchemaVersion(client);
  const identity = processIdentity();
  const recorder = new BackgroundEventRecorder({
    client,
    reportingController: `${apiGroup}/operator`,
    reportingInstance: identity,
    logger,
    clock,
    metrics,
  });
  const manager = new Manager({
    client,
    logger,
    metrics,
    clock,
    gracefulShutdownMs,
    watchNamespaces: config['watch-namespaces'],
    healthProbeBindAddress: config['health-probe-bind-address'],
    metricsBindAddress: config['metrics-bind-address'],
    ...(config['leader-elect'] ? { leaderElection: leaderElection(config, identity) } : {}),
  });
  manager.addCleanup(() => recorder.flush(eventsFlushMs));
  const installation = await loadInstallation(client, config.namespace, config['installation-id']);
  const shared = { client, logger, metrics, clock };
  const operator = addControllers(manager, { ...shared, config, recorder, installation, instances, modules });
  addWebhook(manager, config, { ...shared, state: { ...operator, modules } });
  reportLeadership(manager, metrics, operator.metrics, config['leader-elect']);
  return manager;
}

/** Has metrics and readiness say whether this process leads; without an election it always does. */
function reportLeadership(
  manager: Manager,
  metrics: RuntimeMetrics,
  operatorMetrics: OperatorMetrics,
  isElected: boolean,
): void {
  let leads = false;
  manager.addRunnable({
    name: 'leading',
    start: async () => {
      leads = true;
      operatorMetrics.lead();
      metrics.leaderStatus.set({ name: leaseName }, 1);
    },
  });
  manager.addReadyCheck('caches', () => leads || isElected || 'the caches are not synced yet');
}

function leaderElection(config: Config, identity: string) {
  const leaseDurationMs = config['leader-election-lease-duration'] * 1000;
  return {
    lease: { namespace: config.namespace, name: leaseName },
    identity,
    leaseDurationMs,
    // The proportions of Kubernetes' own components: 15 s, 10 s and 2 s.
    renewDeadlineMs: (leaseDurationMs * 2) / 3,
    retryPeriodMs: (leaseDurationMs * 2) / 15,
  };
}
