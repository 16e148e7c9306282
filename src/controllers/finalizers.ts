import { finalizer } from '../api/v1alpha1/labels.ts';
import type { ApiClient } from '../runtime/api-client.ts';
import { isNotFound } from '../runtime/api-error.ts';
import type { Informer } from '../runtime/informer.ts';
import { type KubeObject, nameOf } from '../runtime/kube-object.ts';

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
  const written = await client.mergePatch(informer.type, nameOf(object), {
    metadata: {
      resourceVersion: object.metadata.resourceVersion,
      finalizers: [...(object.metadata.finalizers ?? []), finalizer],
    },
  });
  informer.cache.observe(written);
  return written;
}

/** Removes our finalizer; an object that is gone already is fine. */
export async function removeFinalizer<T extends KubeObject>(
  client: ApiClient,
  informer: Informer<T>,
  object: T,
): Promise<T> {
  if (!hasFinalizer(object)) return object;
  const finalizers = (object.metadata.finalizers ?? []).filter((name) => name !== finalizer);
  try {
    const written = await client.mergePatch(informer.type, nameOf(object), {
      metadata: { resourceVersion: object.metadata.resourceVersion, uid: object.metadata.uid, finalizers },
    });
    informer.cache.observe(written);
    return written;
  } catch (error) {
    if (isNotFound(error)) return object;
    throw error;
  }
}
