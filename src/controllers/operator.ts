import type { Reason } from '../api/v1alpha1/reasons/reason.ts';
import type { ClusterState } from '../cluster-state/cluster-state.ts';
import type { DriverLogger, Tenant } from '../drivers/driver.ts';
import { DriverError } from '../drivers/errors.ts';
import type { ApiClient } from '../runtime/api-client.ts';
import type { Clock } from '../runtime/clock.ts';
import type { EventRecorder } from '../runtime/events.ts';
import type { KubeObject } from '../runtime/kube-object.ts';
import { namespaceNotKnown } from './status/findings.ts';
import type { RefusedWrites } from './status/refused-writes.ts';

/** What every reconcile pass works with. What only some controllers need is a part of its own, in the folder of what it is for. */
export interface Operator extends ClusterState {
  readonly client: ApiClient;
  readonly recorder: EventRecorder<Reason>;
  readonly refusedWrites: RefusedWrites;
  /** What drivers log to. */
  readonly driverLogger: DriverLogger;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

/**
 * The tenant that an object belongs to, for a driver call.
 * @throws DriverError `Unavailable` while its namespace is not in the cache
 */
export function requiredTenant(operator: Pick<Operator, 'informers'>, object: KubeObject): Tenant {
  const { namespace = '' } = object.metadata;
  const namespaceUID = operator.informers.namespaces.cache.get({ name: namespace })?.metadata.uid;
  if (namespaceUID !== undefined) return { namespace, namespaceUID };
  throw new DriverError({ kind: 'Unavailable', ...namespaceNotKnown(namespace) });
}
