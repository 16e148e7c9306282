import type { StorageBackend } from '../api/v1alpha1/storage-backend.ts';
import { DriverCallMetrics } from '../controllers/driver-calls/driver-call-metrics.ts';
import { DriverCalls } from '../controllers/driver-calls/driver-calls.ts';
import type { DriverInstances } from '../controllers/driver-calls/driver-instances.ts';
import {
  type BackendRecords,
  recordsInBackends,
  recordsInMemory,
  recordsInStatus,
} from '../controllers/storagebackend/backend-records.ts';
import type { ApiClient } from '../runtime/api-client.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Informer } from '../runtime/informer.ts';
import type { Logger } from '../runtime/logger.ts';
import type { Manager } from '../runtime/manager.ts';
import type { RuntimeMetrics } from '../runtime/metrics.ts';
import type { Config } from './config.ts';

/** Calls of drivers: bounded, measured, and made only while the manager leads. */
export function createDriverCalls(
  manager: Pick<Manager, 'leadership'>,
  options: {
    readonly instances: DriverInstances;
    readonly installationID: string;
    readonly clock: Clock;
    readonly logger: Logger;
    readonly metrics: RuntimeMetrics;
  },
): DriverCalls {
  const { metrics, ...others } = options;
  return new DriverCalls({ ...others, metrics: new DriverCallMetrics(metrics.registry), fence: manager.leadership });
}

/**
 * Where the operator keeps what it knows of backends. One for some namespaces only may neither write StorageBackends, which belong to the
 * whole cluster, nor block their deletion.
 */
export function backendRecordsFor(
  config: Config,
  client: ApiClient,
  stored: Informer<StorageBackend>,
  logger: Logger,
): BackendRecords {
  const isForAll = config['watch-namespaces'] === undefined;
  if (!(config['write-backend-status'] ?? isForAll)) return recordsInMemory(stored, logger);
  return isForAll ? recordsInBackends(client, stored) : recordsInStatus(client, stored);
}
