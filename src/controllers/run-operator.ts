import { apiGroup } from '../api/v1alpha1/resource-types.ts';
import { schemaVersion, schemaVersionAnnotation } from '../api/v1alpha1/schema-version.ts';
import { type Config, processIdentity } from '../config.ts';
import { type DriverModules, driverModules } from '../drivers/registry.ts';
import { createApiClient, type HttpApiClient } from '../runtime/api-client.ts';
import { isNotFound } from '../runtime/api-error.ts';
import { systemClock } from '../runtime/clock.ts';
import { BackgroundEventRecorder } from '../runtime/events.ts';
import { loadKubeConfig } from '../runtime/kube-config.ts';
import type { KubeObject, ResourceType } from '../runtime/kube-object.ts';
import type { Logger } from '../runtime/logger.ts';
import { Manager } from '../runtime/manager.ts';
import { RuntimeMetrics } from '../runtime/metrics.ts';
import { createInformers } from './caches.ts';
import { DriverCallMetrics } from './driver-calls/driver-call-metrics.ts';
import { DriverCalls } from './driver-calls/driver-calls.ts';
import { DriverInstances } from './driver-calls/driver-instances.ts';
import { loadInstallation } from './installation.ts';
import { JoiningNetworks } from './joining-networks.ts';
import type { Operator } from './operator.ts';
import { SecurityServiceReconciler } from './securityservice/reconciler.ts';
import { ShareReconciler } from './share/reconciler.ts';
import { ShareAccessReconciler } from './shareaccess/reconciler.ts';
import { ShareNetworkReconciler } from './sharenetwork/reconciler.ts';
import { ShareServerReconciler } from './shareserver/reconciler.ts';
import { StorageBackendReconciler } from './storagebackend/reconciler.ts';

const fieldManager = 'sharenet-operator';

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
  const client = createApiClient({
    kubeConfig: loadKubeConfig(config.kubeconfig),
    fieldManager,
    userAgent: fieldManager,
    logger,
    metrics,
  });
  const instances = new DriverInstances(clock);
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
    });
    const operator: Operator = {
      client,
      informers: createInformers(manager, config['watch-namespaces'], config.namespace),
      calls,
      instances,
      installation,
      recorder,
      joining: new JoiningNetworks(),
      driverLogger: logger,
      clock,
      random: Math.random,
      namespace: config.namespace,
    };
    const workers = config['max-concurrent-reconciles'];
    new StorageBackendReconciler(operator, modules).register(manager, workers);
    new SecurityServiceReconciler(operator).register(manager, workers);
    new ShareNetworkReconciler(operator).register(manager, workers);
    new ShareServerReconciler(operator).register(manager, workers);
    new ShareReconciler(operator).register(manager, workers);
    new ShareAccessReconciler(operator).register(manager, workers);
    let leads = false;
    manager.addRunnable({
      name: 'leading',
      start: async () => {
        leads = true;
      },
    });
    manager.addReadyCheck('caches', () => leads || config['leader-elect'] || 'the caches are not synced yet');
    await manager.run(signal);
  } finally {
    await instances.close();
    await client.close();
  }
}

function leaderElection(namespace: string, identity: string, seconds: number) {
  return {
    lease: { namespace, name: 'sharenet-operator' },
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
