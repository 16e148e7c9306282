import type { Share } from '../api/v1alpha1/share.ts';
import type { ShareServer } from '../api/v1alpha1/share-server.ts';
import { uidOf } from '../runtime/kube-object.ts';

/** Objects that have something on a storage system, which is named after the UID that they had when it was made. */
export type Stored = Share | ShareServer;

/** The UID that names the object on the storage system: its own, or that of the object which it was restored from. */
export function storageID(object: Stored): string {
  return object.status?.recordedUID ?? uidOf(object);
}

/** Whether objects of the kind are named on the storage system after their UID, which a backup does not bring back. */
export function recordsUID({ type }: { readonly type: { readonly kind: string } }): boolean {
  return type.kind === 'Share' || type.kind === 'ShareServer';
}
