import * as labels from '../../api/v1alpha1/labels.ts';
import { apiVersion } from '../../api/v1alpha1/resource-types.ts';
import type { ShareNetwork } from '../../api/v1alpha1/share-network.ts';
import { type Stored, storageID } from '../../cluster-state/storage-id.ts';
import type { Informer } from '../../runtime/informer.ts';
import { nameOf, uidOf } from '../../runtime/kube-object.ts';
import type { Operator } from '../operator.ts';
import type { Readiness } from '../status/readiness.ts';

/** Whether the object was restored from a backup and has not been compared with the storage system since. */
export function isRestored({ metadata }: Stored): boolean {
  const recorded = metadata.annotations?.[labels.recordedUID];
  return recorded !== undefined && recorded !== metadata.uid;
}

/** Whether it is unknown what the storage system has of the object, because its status was not restored. */
export function lacksStatus(object: Stored): boolean {
  return isRestored(object) && storageID(object) === uidOf(object);
}

/** Readiness of an object that was restored without its status. */
export const restoredWithoutStatus: Readiness = {
  state: 'stalled',
  reason: 'RestoredWithoutStatus',
  message: `it was restored without its status, so that its data on the storage system is unknown; restore it with its status, or remove the annotation ${labels.recordedUID} to create it again, empty`,
};

/** Records that a restored object was compared with the storage system, in one guarded write. */
export async function noteCompared<T extends Stored>(
  { client }: Pick<Operator, 'client'>,
  informer: Informer<T>,
  object: T,
  metadata: { readonly ownerReferences?: T['metadata']['ownerReferences'] } = {},
): Promise<T> {
  const { resourceVersion, uid = '' } = object.metadata;
  const patch = { metadata: { ...metadata, resourceVersion, annotations: { [labels.recordedUID]: uid } } };
  const written = await client.mergePatch(informer.type, nameOf(object), patch);
  informer.cache.observe(written);
  return written;
}

/** The reference of a share server to the network that it belongs to. */
export function networkOwner(network: ShareNetwork) {
  const { name } = network.metadata;
  return { apiVersion, kind: 'ShareNetwork', name, uid: uidOf(network), controller: true, blockOwnerDeletion: true };
}
