import type { Reason } from '../api/v1alpha1/reasons/reason.ts';
import type { ClusterState } from '../cluster-state/cluster-state.ts';
import type { DriverLogger, Tenant } from '../drivers/driver.ts';
import { DriverError } from '../drivers/errors.ts';
import type { ApiClient } from '../runtime/api-client.ts';
import type { Clock } from '../runtime/clock.ts';
import type { EventRecorder } from '../runtime/events.ts';
import type { KubeObject } from '../runtime/kube-object.ts';
import type { CredentialRefusals } from './credentials/refusals.ts';
import type { CredentialTrials } from './credentials/trials.ts';
import type { DriverCalls } from './driver-calls/driver-calls.ts';
import type { DriverInstances } from './driver-calls/driver-instances.ts';
import type { SuspectServers } from './driver-calls/suspect-servers.ts';
import type { OperatorMetrics } from './metrics/operator-metrics.ts';
import type { PendingAssociations } from './network-change/pending-associations.ts';
import type { ChangeRollout } from './network-change/rollout.ts';
import { namespaceNotKnown } from './status/findings.ts';
import type { RefusedWrites } from './status/refused-writes.ts';

/** What every reconciler works with. */
export interface Operator extends ClusterState {
  readonly client: ApiClient;
  readonly calls: DriverCalls;
  readonly instances: DriverInstances;
  readonly recorder: EventRecorder<Reason>;
  readonly refusedWrites: RefusedWrites;
  readonly pendingAssociations: PendingAssociations;
  readonly rollout: ChangeRollout;
  readonly refusals: CredentialRefusals;
  readonly trials: CredentialTrials;
  readonly suspects: SuspectServers;
  readonly metrics: OperatorMetrics;
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
export function requiredTenant(operator: Operator, object: KubeObject): Tenant {
  const { namespace = '' } = object.metadata;
  const namespaceUID = operator.informers.namespaces.cache.get({ name: namespace })?.metadata.uid;
  if (namespaceUID !== undefined) return { namespace, namespaceUID };
  throw new DriverError({ kind: 'Unavailable', ...namespaceNotKnown(namespace) });
}
