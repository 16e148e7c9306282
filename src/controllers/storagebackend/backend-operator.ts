import type { DriverAccess } from '../driver-calls/driver-access.ts';
import type { DriverInstances } from '../driver-calls/driver-instances.ts';
import type { Operator } from '../operator.ts';

/** What the controller of StorageBackends works with. */
export type BackendOperator = Operator &
  Pick<DriverAccess, 'calls'> & {
    readonly instances: DriverInstances;
  };
