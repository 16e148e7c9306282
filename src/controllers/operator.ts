import type { SecurityService } from '../api/v1alpha1/security-service.ts';
import type { Share } from '../api/v1alpha1/share.ts';
import type { ShareAccess } from '../api/v1alpha1/share-access.ts';
import type { ShareNetwork } from '../api/v1alpha1/share-network.ts';
import type { ShareServer } from '../api/v1alpha1/share-server.ts';
import type { StorageBackend } from '../api/v1alpha1/storage-backend.ts';
import type { DriverLogger, Tenant } from '../drivers/driver.ts';
import { DriverError } from '../drivers/errors.ts';
import type { ApiClient } from '../runtime/api-client.ts';
import type { Clock } from '../runtime/clock.ts';
import type { EventRecorder } from '../runtime/events.ts';
import type { KubeObject } from '../runtime/kube-object.ts';
import type { Informers } from './caches.ts';
import type { DriverCalls } from './driver-calls/driver-calls.ts';
import type { DriverInstances } from './driver-calls/driver-instances.ts';
import type { Installation } from './installation.ts';
import type { JoiningNetworks } from './joining-networks.ts';
import type { OperatorMetrics } from './metrics.ts';
import type { ChangePace } from './shareserver/change-pace.ts';

/** What every reconciler works with. */
export interface Operator {
  readonly client: ApiClient;
  readonly informers: Informers;
  readonly calls: DriverCalls;
  readonly instances: DriverInstances;
  readonly installation: Installation;
  readonly recorder: EventRecorder;
  readonly joining: JoiningNetworks;
  readonly pace: ChangePace;
  readonly metrics: OperatorMetrics;
  /** What drivers log to. */
  readonly driverLogger: DriverLogger;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Namespace of the operator itself; backend credentials and secrets live there. */
  readonly namespace: string;
}

/** Reads of the caches by name, within one namespace. */
export function related(operator: Operator, namespace: string) {
  const { informers } = operator;
  const key = (name: string): string => `${namespace}/${name}`;
  return {
    backend: (name: string): StorageBackend | undefined => informers.storageBackends.cache.get({ name }),
    network: (name: string): ShareNetwork | undefined => informers.shareNetworks.cache.get({ namespace, name }),
    server: (name: string): ShareServer | undefined => informers.shareServers.cache.get({ namespace, name }),
    share: (name: string): Share | undefined => informers.shares.cache.get({ namespace, name }),
    service: (name: string): SecurityService | undefined => informers.securityServices.cache.get({ namespace, name }),
    serversOf: (network: string): readonly ShareServer[] =>
      informers.shareServers.cache.byIndex('byNetwork', key(network)),
    sharesOfNetwork: (network: string): readonly Share[] => informers.shares.cache.byIndex('byNetwork', key(network)),
    sharesOn: (server: string): readonly Share[] => informers.shares.cache.byIndex('byServer', key(server)),
    rulesOf: (share: string): readonly ShareAccess[] => informers.shareAccesses.cache.byIndex('byShare', key(share)),
    networksWith: (service: string): readonly ShareNetwork[] =>
      informers.shareNetworks.cache.byIndex('bySecurityService', key(service)),
  };
}

/** The tenant that an object belongs to; undefined until its namespace is in the cache. */
export function tenantOf(operator: Operator, object: KubeObject): Tenant | undefined {
  const namespace = object.metadata.namespace ?? '';
  const namespaceUID = operator.informers.namespaces.cache.get({ name: namespace })?.metadata.uid;
  return namespaceUID === undefined ? undefined : { namespace, namespaceUID };
}

/**
 * The tenant that an object belongs to, for a driver call.
 * @throws DriverError `Unavailable` while its namespace is not in the cache
 */
export function requiredTenant(operator: Operator, object: KubeObject): Tenant {
  const tenant = tenantOf(operator, object);
  if (tenant !== undefined) return tenant;
  throw new DriverError({
    kind: 'Unavailable',
    reason: 'NamespaceNotKnown',
    message: `namespace ${object.metadata.namespace} is not known to the operator yet`,
  });
}

/** Whether the namespace of an object is being deleted: nothing new may be made in it then. */
export function namespaceIsTerminating(operator: Operator, namespace: string): boolean {
  return operator.informers.namespaces.cache.get({ name: namespace })?.metadata.deletionTimestamp !== undefined;
}

/** Current time in RFC 3339, whole seconds, as Kubernetes writes times. */
export function timestamp(clock: Clock): string {
  return `${new Date(clock.now()).toISOString().slice(0, 19)}Z`;
}
