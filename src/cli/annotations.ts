import type { ApiClient } from '../runtime/api-client.ts';
import { isConflict } from '../runtime/api-error.ts';
import type { KubeObject, ObjectName, ResourceType } from '../runtime/kube-object.ts';

/** The value of an annotation; undefined where it is not there. */
export function annotationOf(object: KubeObject, annotation: string): string | undefined {
  return object.metadata.annotations?.[annotation];
}

/**
 * Sets an annotation of an object that was read; null removes it. A new object of that name is refused by its uid.
 * @throws ApiError
 */
export async function annotate<T extends KubeObject>(
  client: ApiClient,
  type: ResourceType<T>,
  object: T,
  annotation: string,
  value: string | null,
  options: { readonly dryRun?: boolean } = {},
): Promise<T> {
  const { uid } = object.metadata;
  const patch = { metadata: { uid, annotations: { [annotation]: value } } };
  return await client.mergePatch(type, nameOf(object), patch, options);
}

/** Removes an annotation while it has that value: what someone else wrote meanwhile stays. @throws ApiError */
export async function removeAnnotation<T extends KubeObject>(
  client: ApiClient,
  type: ResourceType<T>,
  object: T,
  annotation: string,
  value: string,
): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    const present = await client.get(type, nameOf(object));
    const { uid, resourceVersion } = present.metadata;
    if (uid !== object.metadata.uid || annotationOf(present, annotation) !== value) return;
    try {
      const patch = { metadata: { uid, resourceVersion, annotations: { [annotation]: null } } };
      await client.mergePatch(type, nameOf(object), patch);
      return;
    } catch (error) {
      // The operator writes status in between; that ends.
      if (!isConflict(error) || attempt >= 20) throw error;
    }
  }
}

function nameOf({ metadata: { namespace, name } }: KubeObject): ObjectName {
  return namespace === undefined ? { name } : { namespace, name };
}
