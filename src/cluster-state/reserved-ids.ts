import type { StorageBackend } from '../api/v1alpha1/storage-backend.ts';
import { idsReservedFrom } from '../scheduling/selection.ts';
import type { ClusterState } from './cluster-state.ts';

/** Tells which cephx ids a backend reserves from the rules of a namespace; undefined where it reserves none. */
export function reservedIDsOf(
  { informers }: Pick<ClusterState, 'informers'>,
  backend: StorageBackend | undefined,
  namespace: string,
): ((id: string) => boolean) | undefined {
  const reserved = backend?.spec.cephfs?.reservedIDs;
  if (reserved === undefined || reserved.length === 0) return undefined;
  const labels = informers.namespaces.cache.get({ name: namespace })?.metadata.labels ?? {};
  return idsReservedFrom(labels, reserved);
}
