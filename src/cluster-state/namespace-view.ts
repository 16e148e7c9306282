import type { SecurityService } from '../api/v1alpha1/security-service.ts';
import type { Share } from '../api/v1alpha1/share.ts';
import type { ShareAccess } from '../api/v1alpha1/share-access.ts';
import type { ShareNetwork } from '../api/v1alpha1/share-network.ts';
import type { ShareServer } from '../api/v1alpha1/share-server.ts';
import type { StorageBackend } from '../api/v1alpha1/storage-backend.ts';
import type { ClusterState } from './cluster-state.ts';

/** Reads of the caches by name, within one namespace. */
export type NamespaceView = ReturnType<typeof namespaceView>;

export function namespaceView(state: Pick<ClusterState, 'informers'>, namespace: string) {
  const { informers } = state;
  const key = (name: string): string => `${namespace}/${name}`;
  return {
    backend: (name: string): StorageBackend | undefined => informers.storageBackends.cache.get({ name }),
    network: (name: string): ShareNetwork | undefined => informers.shareNetworks.cache.get({ namespace, name }),
    server: (name: string): ShareServer | undefined => informers.shareServers.cache.get({ namespace, name }),
    share: (name: string): Share | undefined => informers.shares.cache.get({ namespace, name }),
    service: (name: string): SecurityService | undefined => informers.securityServices.cache.get({ namespace, name }),
    serversOf: (network: string): readonly ShareServer[] =>
      informers.shareServers.cache.byIndex('byNetwork', key(network)),
    /** Those of them that were never set up. */
    unmadeServersOf: (network: string): readonly ShareServer[] =>
      informers.shareServers.cache.byIndex('unmadeByNetwork', key(network)),
    sharesOfNetwork: (network: string): readonly Share[] => informers.shares.cache.byIndex('byNetwork', key(network)),
    /** Those of them that are on no share server yet. */
    unplacedSharesOfNetwork: (network: string): readonly Share[] =>
      informers.shares.cache.byIndex('unplacedByNetwork', key(network)),
    sharesOn: (server: string): readonly Share[] => informers.shares.cache.byIndex('byServer', key(server)),
    rulesOf: (share: string): readonly ShareAccess[] => informers.shareAccesses.cache.byIndex('byShare', key(share)),
    networksWith: (service: string): readonly ShareNetwork[] =>
      informers.shareNetworks.cache.byIndex('bySecurityService', key(service)),
  };
}

/** The networks that record a service: its share servers have it or are being given it. */
export function networksRecording(
  state: Pick<ClusterState, 'informers'>,
  { metadata }: SecurityService,
): readonly ShareNetwork[] {
  return namespaceView(state, metadata.namespace ?? '')
    .networksWith(metadata.name)
    .filter(({ status }) => status?.securityServices?.some(({ uid }) => uid === metadata.uid));
}

/** Whether the namespace of an object is being deleted: nothing new may be made in it then. */
export function namespaceIsTerminating(state: Pick<ClusterState, 'informers'>, namespace: string): boolean {
  return state.informers.namespaces.cache.get({ name: namespace })?.metadata.deletionTimestamp !== undefined;
}
