import { createInformers } from '../cluster-state/informers.ts';
import type { Installation } from '../cluster-state/installation.ts';
import { PendingAssociations } from '../controllers/change-memory/pending-associations.ts';
import { ChangeRollout } from '../controllers/change-memory/rollout.ts';
import { CredentialRefusals } from '../controllers/credentials/refusals.ts';
import { CredentialTrials } from '../controllers/credentials/trials.ts';
import type { DriverInstances } from '../controllers/driver-calls/driver-instances.ts';
import { SuspectServers } from '../controllers/driver-calls/suspect-servers.ts';
import { OperatorMetrics } from '../controllers/metrics/operator-metrics.ts';
import { applyChange } from '../controllers/network-change/apply.ts';
import type { OperatorParts } from '../controllers/operator-parts.ts';
import { securityServiceReconciler } from '../controllers/securityservice/reconciler.ts';
import { shareReconciler } from '../controllers/share/reconciler.ts';
import { ShareAccessReconciler } from '../controllers/shareaccess/reconciler.ts';
import { shareNetworkReconciler } from '../controllers/sharenetwork/reconciler.ts';
import { shareServerReconciler } from '../controllers/shareserver/reconciler.ts';
import { RefusedWrites } from '../controllers/status/refused-writes.ts';
import { storageBackendReconciler } from '../controllers/storagebackend/reconciler.ts';
import type { DriverModules } from '../drivers/registry.ts';
import type { ApiClient } from '../runtime/api-client.ts';
import type { Clock } from '../runtime/clock.ts';
import type { EventRecorder } from '../runtime/events.ts';
import type { Logger } from '../runtime/logger.ts';
import type { Manager } from '../runtime/manager.ts';
import type { RuntimeMetrics } from '../runtime/metrics.ts';
import type { Config } from './config.ts';
import { backendRecordsFor, createDriverCalls } from './drivers.ts';

/** Adds the informers and the six controllers to the manager. */
export function addControllers(
  manager: Manager,
  options: {
    readonly config: Config;
    readonly client: ApiClient;
    readonly logger: Logger;
    readonly metrics: RuntimeMetrics;
    readonly clock: Clock;
    readonly recorder: EventRecorder;
    readonly installation: Installation;
    readonly instances: DriverInstances;
    readonly modules: DriverModules;
  },
): OperatorParts {
  const { config, client, logger, metrics, clock, recorder, installation, instances, modules } = options;
  const { namespace } = config;
  const stored = createInformers(manager, config['watch-namespaces'], namespace);
  const backendRecords = backendRecordsFor(config, client, stored.storageBackends, logger);
  const informers = { ...stored, storageBackends: backendRecords.informer };
  const operatorMetrics = new OperatorMetrics(metrics.registry, clock);
  operatorMetrics.follow(metrics.registry, informers);
  const operator: OperatorParts = {
    client,
    informers,
    calls: createDriverCalls(manager, { instances, installationID: installation.id, clock, logger, metrics }),
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
    namespace,
    requireCredentialDestinations: config['require-credential-destinations'],
  };
  const workers = config['max-concurrent-reconciles'];
  storageBackendReconciler(operator, modules, backendRecords).register(manager, workers);
  securityServiceReconciler(operator).register(manager, workers);
  shareNetworkReconciler(operator).register(manager, workers);
  shareServerReconciler(operator, applyChange).register(manager, workers);
  shareReconciler(operator).register(manager, workers);
  new ShareAccessReconciler(operator).register(manager, workers);
  return operator;
}
