import type { ResourceType } from '../../runtime/kube-object.ts';
import type { SecurityService } from './security-service.ts';
import type { Share } from './share.ts';
import type { ShareAccess } from './share-access.ts';
import type { ShareNetwork } from './share-network.ts';
import type { ShareServer } from './share-server.ts';
import type { StorageBackend } from './storage-backend.ts';

/** API group of every kind of this project. */
export const apiGroup = 'sharenet.io';
/** Group and version as manifests write them. */
export const apiVersion = 'sharenet.io/v1alpha1';

const inGroup = { group: apiGroup, version: 'v1alpha1', namespaced: true } as const;

export const storageBackends: ResourceType<StorageBackend> = {
  ...inGroup,
  namespaced: false,
  kind: 'StorageBackend',
  plural: 'storagebackends',
};
export const securityServices: ResourceType<SecurityService> = {
  ...inGroup,
  kind: 'SecurityService',
  plural: 'securityservices',
};
export const shareNetworks: ResourceType<ShareNetwork> = { ...inGroup, kind: 'ShareNetwork', plural: 'sharenetworks' };
export const shareServers: ResourceType<ShareServer> = { ...inGroup, kind: 'ShareServer', plural: 'shareservers' };
export const shares: ResourceType<Share> = { ...inGroup, kind: 'Share', plural: 'shares' };
export const shareAccesses: ResourceType<ShareAccess> = { ...inGroup, kind: 'ShareAccess', plural: 'shareaccesses' };
