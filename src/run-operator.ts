import { Admission } from './admission/admission.ts';
import { validators } from './admission/validators.ts';
import { removeRegistration } from './admission/webhook-registration.ts';
import { apiGroup } from './api/v1alpha1/resource-types.ts';
import { schemaVersion, schemaVersionAnnotation } from './api/v1alpha1/schema-version.ts';
import type { StorageBackend } from './api/v1alpha1/storage-backend.ts';
import { createInformers } from './cluster-state/informers.ts';
import { loadInstallation } from './cluster-state/installation.ts';
import { type Config, processIdentity } from './config.ts';
import { CredentialRefusals } from './controllers/credentials/refusals.ts';
import { CredentialTrials } from './controllers/credentials/trials.ts';
import { DriverCallMetrics } from './controllers/driver-calls/driver-call-metrics.ts';
import { DriverCalls } from './controllers/driver-calls/driver-calls.ts';
import { DriverInstances } from './controllers/driver-calls/driver-instances.ts';
import { SuspectServers } from './controllers/driver-calls/suspect-servers.ts';
import { OperatorMetrics } from './controllers/metrics/operator-metrics.ts';
import type { Operator } from './controllers/operator.ts';
import { SecurityServiceReconciler } from './controllers/securityservice/reconciler.ts';
import { ShareReconciler } from './controllers/share/reconciler.ts';
import { ShareAccessReconciler } from './controllers/shareaccess/reconciler.ts';
import { PendingAssociations } from './controllers/sharenetwork/pending-associations.ts';
import { ShareNetworkReconciler } from './controllers/sharenetwork/reconciler.ts';
import { ChangeRollout } from './controllers/shareserver/change-rollout.ts';
import { ShareServerReconciler } from './controllers/shareserver/reconciler.ts';
import { RefusedWrites } from './controllers/status/refused-writes.ts';
import {
  type BackendRecords,
  recordsInBackends,
  recordsInMemory,
  recordsInStatus,
} from './controllers/storagebackend/backend-records.ts';
import { StorageBackendReconciler } from './controllers/storagebackend/reconciler.ts';
import { type DriverModules, driverModules } from './drivers/registry.ts';
import { createApiClient, type HttpApiClient } from './runtime/api-client.ts';
import { ApiError, isNotFound } from './runtime/api-error.ts';
import { systemClock } from './runtime/clock.ts';
import { BackgroundEventRecorder } from './runtime/events.ts';
import type { Informer } from './runtime/informer.ts';
import { connectionWarnings, loadKubeConfig } from './runtime/kube-config.ts';
import type { KubeObject, ResourceType } from './runtime/kube-object.ts';
import type { Logger } from './runtime/logger.ts';
import { Manager } from './runtime/manager.ts';
import { RuntimeMetrics } from './runtime/metrics.ts';
import { version } from './version.ts';

const fieldManager = 'sharenet-operator';
const leaseName = 'sharenet-operator';

/**
 * Most milliseconds that running work may take at a stop. With the last events, the lease and the drivers that are closed
 * afterwards it stays below the 30 s that Kubernetes waits before it kills.
 */
const gracefulShutdownMs = 24_000;
const driversCloseMs = 2000;

const customResourceDefinitions: ResourceType = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  kind: 'CustomResourceDefinition',
  plural: 'customresourcedefinitions',
  namespaced: false,
};

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
  const clock = systemClock;
  const metrics = new RuntimeMetrics();
  metrics.collectProcessMetrics();
  const kubeConfig = loadKubeConfig(config.kubeconfig);
  for (const warning of connectionWarnings(kubeConfig)) logger.warn({}, warning);
  const client = createApiClient({
    kubeConfig,
    fieldManager,
    userAgent: `${fieldManager}/${version}`,
    logger,
    metrics,
  });
  const instances = new DriverInstances(clock);
  let managed = false;
  // Before the manager runs there is nothing to drain: what is asked of the API server is given up.
  const giveUp = (): void => {
    if (!managed) void client.close();
  };
  signal.addEventListener('abort', giveUp, { once: true });
  try {
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
      ...(config['leader-elect']
        ? { leaderElection: leaderElection(config.namespace, identity, config['leader-election-lease-duration']) }
        : {}),
    });
    manager.addCleanup(() => recorder.flush(2000));
    const installation = await loadInstallation(client, config.namespace, config['installation-id']);
    const calls = new DriverCalls({
      instances,
      clock,
      logger,
      metrics: new DriverCallMetrics(metrics.registry),
      installationID: installation.id,
      fence: manager.leadership,
    });
    const operatorMetrics = new OperatorMetrics(metrics.registry, clock);
    const stored = createInformers(manager, config['watch-namespaces'], config.namespace);
    const backendRecords = backendRecordsFor(config, client, stored.storageBackends, logger);
    const informers = { ...stored, storageBackends: backendRecords.informer };
    operatorMetrics.follow(metrics.registry, informers);
    const operator: Operator = {
      client,
      informers,
      calls,
      instances,
      installation,
      recorder,
      refusedWrites: new RefusedWrites({ clock, random: Math.random }),
      pendingAssociations: new PendingAssociations(),
      rollout: new ChangeRollout(),
      refusals: new CredentialRefusals(clock),
      trials: new CredentialTrials(clock),
      suspects: new SuspectServers(),
      metrics: operatorMetrics,
      driverLogger: logger,
      clock,
      random: Math.random,
      namespace: config.namespace,
      requireCredentialDestinations: config['require-credential-destinations'],
    };
    const workers = config['max-concurrent-reconciles'];
    new StorageBackendReconciler(operator, modules, backendRecords).register(manager, workers);
    new SecurityServiceReconciler(operator).register(manager, workers);
    new ShareNetworkReconciler(operator).register(manager, workers);
    new ShareServerReconciler(operator).register(manager, workers);
    new ShareReconciler(operator).register(manager, workers);
    new ShareAccessReconciler(operator).register(manager, workers);
    const webhookMode = config['webhook-mode'];
    if (webhookMode === 'off') {
      // The registration is the whole cluster's: one who works in some namespaces only leaves it to the others.
      if (config['watch-namespaces'] === undefined) {
        manager.addRunnable({ name: 'webhook removal', start: () => removeRegistration(client, logger) });
      }
    } else {
      new Admission(manager, {
        client,
        logger,
        metrics,
        clock,
        random: Math.random,
        mode: webhookMode,
        port: config['webhook-port'],
        watchNamespaces: config['watch-namespaces'],
        validators,
        state: { ...operator, modules },
      });
    }
    let leads = false;
    manager.addRunnable({
      name: 'leading',
      start: async () => {
        leads = true;
        operatorMetrics.lead();
        // Also where nobody is elected: one who watches wants to know that somebody works.
        metrics.leaderStatus.set({ name: leaseName }, 1);
      },
    });
    manager.addReadyCheck('caches', () => leads || config['leader-elect'] || 'the caches are not synced yet');
    managed = true;
    await manager.run(signal);
  } catch (error) {
    if (managed || !signal.aborted) throw error;
  } finally {
    signal.removeEventListener('abort', giveUp);
    await Promise.race([instances.close(), clock.sleep(driversCloseMs)]);
    await client.close();
  }
}

/** An operator for some namespaces has no right to hold back the deletion of what is the whole cluster's, and may not write it either. */
function backendRecordsFor(
  config: Config,
  client: HttpApiClient,
  stored: Informer<StorageBackend>,
  logger: Logger,
): BackendRecords {
  const isForAll = config['watch-namespaces'] === undefined;
  if (!(config['write-backend-status'] ?? isForAll)) return recordsInMemory(stored, logger);
  return isForAll ? recordsInBackends(client, stored) : recordsInStatus(client, stored);
}

function leaderElection(namespace: string, identity: string, seconds: number) {
  return {
    lease: { namespace, name: leaseName },
    identity,
    leaseDurationMs: seconds * 1000,
    renewDeadlineMs: (seconds * 1000 * 2) / 3,
    retryPeriodMs: (seconds * 1000 * 2) / 15,
  };
}

/** An operator that writes fields which older CRDs don't know would lose them silently. */
async function checkSchemaVersion(client: HttpApiClient): Promise<void> {
  const name = `sharenetworks.${apiGroup}`;
  let definition: KubeObject;
  try {
    definition = await client.get(customResourceDefinitions, { name });
  } catch (error) {
    if (error instanceof ApiError && error.status === 0) {
      throw new Error(`the API server does not answer: ${error.message}; check --kubeconfig`);
    }
    if (!isNotFound(error)) throw error;
    throw new Error(`CustomResourceDefinition ${name} does not exist: apply config/crd first`);
  }
  const found = Number(definition.metadata.annotations?.[schemaVersionAnnotation] ?? 0);
  if (found < schemaVersion) {
    throw new Error(
      `CustomResourceDefinition ${name} has schema version ${found}, this operator needs ${schemaVersion}: apply config/crd first`,
    );
  }
}
