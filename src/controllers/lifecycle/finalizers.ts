import { finalizer, recordedUID } from '../../api/v1alpha1/labels.ts';
import { maxKeptFinalizers } from '../../cluster-state/slim-object.ts';
import { recordsUID } from '../../cluster-state/storage-id.ts';
import type { ApiClient } from '../../runtime/api-client.ts';
import { isNotFound } from '../../runtime/api-error.ts';
import type { Informer } from '../../runtime/informer.ts';
import { type KubeObject, nameOf } from '../../runtime/kube-object.ts';

/** Whether the operator has taken responsibility for the object. */
export function hasFinalizer(object: KubeObject): boolean {
  return object.metadata.finalizers?.includes(finalizer) === true;
}

/** Adds our finalizer, guarded by the object's resourceVersion. */
export async function addFinalizer<T extends KubeObject>(
  client: ApiClient,
  informer: Informer<T>,
  object: T,
): Promise<T> {
  if (hasFinalizer(object)) return object;
  const { resourceVersion, finalizers = [] } = (await whole(client, informer, object)).metadata;
  const written = await client.mergePatch(informer.type, nameOf(object), {
    metadata: {
      resourceVersion,
      finalizers: [...new Set([...finalizers, finalizer])],
      ...(recordsUID(informer) && object.metadata.annotations?.[recordedUID] === undefined
        ? { annotations: { [recordedUID]: object.metadata.uid } }
        : {}),
    },
  });
  informer.cache.observe(written);
  return written;
}

/** Removes our finalizer; the object may be gone already. */
export async function removeFinalizer<T extends KubeObject>(
  client: ApiClient,
  informer: Informer<T>,
  object: T,
): Promise<T> {
  if (!hasFinalizer(object)) return object;
  try {
    const { resourceVersion, uid, ...metadata } = (await whole(client, informer, object)).metadata;
    const finalizers = (metadata.finalizers ?? []).filter((name) => name !== finalizer);
    const written = await client.mergePatch(informer.type, nameOf(object), {
      metadata: { resourceVersion, uid, finalizers },
    });
    informer.cache.observe(written);
    return written;
  } catch (error) {
    if (isNotFound(error)) return object;
    throw error;
  }
}

/**
 * The object with all its finalizers: the cache keeps only some of very many, and a write must not lose the others. The write is still
 * guarded by the cached version.
 */
async function whole<T extends KubeObject>(client: ApiClient, informer: Informer<T>, object: T): Promise<T> {
  if ((object.metadata.finalizers ?? []).length < maxKeptFinalizers) return object;
  const { finalizers } = (await client.get(informer.type, nameOf(object))).metadata;
  return { ...object, metadata: { ...object.metadata, ...(finalizers === undefined ? {} : { finalizers }) } };
}
