import {
  securityServices,
  shareAccesses,
  shareNetworks,
  shareServers,
  shares,
  storageBackends,
} from '../../api/v1alpha1/resource-types.ts';
import type { SecurityService } from '../../api/v1alpha1/security-service.ts';
import type { Share } from '../../api/v1alpha1/share.ts';
import type { ShareAccess } from '../../api/v1alpha1/share-access.ts';
import type { ShareNetwork } from '../../api/v1alpha1/share-network.ts';
import type { ShareServer } from '../../api/v1alpha1/share-server.ts';
import type { StorageBackend } from '../../api/v1alpha1/storage-backend.ts';
import type { ResourceType } from '../../runtime/kube-object.ts';
import type { ManagedObject } from '../managed-object.ts';

/** An object with its kind. */
export type KnownObject =
  | { readonly kind: 'ShareAccess'; readonly object: ShareAccess }
  | { readonly kind: 'Share'; readonly object: Share }
  | { readonly kind: 'ShareServer'; readonly object: ShareServer }
  | { readonly kind: 'ShareNetwork'; readonly object: ShareNetwork }
  | { readonly kind: 'SecurityService'; readonly object: SecurityService }
  | { readonly kind: 'StorageBackend'; readonly object: StorageBackend };

export type Kind = KnownObject['kind'];

/** Kinds in the order in which a name alone is looked up. */
export const kinds: readonly Kind[] = [
  'ShareNetwork',
  'ShareServer',
  'Share',
  'ShareAccess',
  'SecurityService',
  'StorageBackend',
];

/** The resource of each kind. */
export const types: Readonly<Record<Kind, ResourceType>> = {
  SecurityService: securityServices,
  ShareAccess: shareAccesses,
  ShareNetwork: shareNetworks,
  ShareServer: shareServers,
  Share: shares,
  StorageBackend: storageBackends,
};

export function isKind(text: string): text is Kind {
  return Object.hasOwn(types, text);
}

/** An object that exists as far as the user knows, but that the user may not see. */
export interface HiddenObject {
  readonly hidden: { readonly kind: Kind; readonly name: string };
}

/** Reads the objects that a cause may lead to. */
export interface CauseReader {
  /** Undefined where there is none; `hidden` where the user may not see it. */
  find<T extends ManagedObject>(type: ResourceType<T>, name: string): Promise<T | 'hidden' | undefined>;
  /** All objects of the namespace. */
  list<T extends ManagedObject>(type: ResourceType<T>): Promise<readonly T[]>;
}

/** Reads an object of any kind; undefined where there is none. */
export async function findKnown(
  kind: Kind,
  name: string,
  reader: CauseReader,
): Promise<KnownObject | HiddenObject | undefined> {
  switch (kind) {
    case 'ShareAccess':
      return known(kind, name, await reader.find(shareAccesses, name));
    case 'Share':
      return known(kind, name, await reader.find(shares, name));
    case 'ShareServer':
      return known(kind, name, await reader.find(shareServers, name));
    case 'ShareNetwork':
      return known(kind, name, await reader.find(shareNetworks, name));
    case 'SecurityService':
      return known(kind, name, await reader.find(securityServices, name));
    case 'StorageBackend':
      return known(kind, name, await reader.find(storageBackends, name));
  }
}

function known<K extends Kind, T>(kind: K, name: string, found: T | 'hidden' | undefined) {
  if (found === undefined) return undefined;
  return found === 'hidden' ? { hidden: { kind, name } } : { kind, object: found };
}

/** Names of the objects that an object refers to, by kind. */
export function referencesOf({ kind, object }: KnownObject): Partial<Record<Kind, string | undefined>> {
  switch (kind) {
    case 'ShareAccess':
      return { Share: object.spec.shareName };
    case 'Share':
      return {
        ShareServer: object.status?.shareServerName,
        ShareNetwork: object.spec.shareNetworkName,
        StorageBackend: object.status?.backendName ?? object.spec.backendName,
      };
    case 'ShareServer':
      return { ShareNetwork: object.spec.shareNetworkName, StorageBackend: object.spec.backendName };
    default:
      return {};
  }
}
