import { apiGroup } from '../api/v1alpha1/resource-types.ts';
import type { Namespace, Secret } from '../runtime/core-types.ts';
import type { KubeObject } from '../runtime/kube-object.ts';

/** Longest value of an annotation of ours that can mean something, in characters. */
const maxAnnotationLength = 8192;
/** Most characters of data, in base64, of a Secret that holds a password or an access key. */
const maxSecretData = 64 * 1024;

/**
 * The object with no annotations but ours, and those cut. An object can have 256 KiB of annotations: ten thousand of them must
 * not fill the operator's memory, nor go to the API server with every status.
 */
export function slimObject<T extends KubeObject>(object: T): T {
  const { annotations, ...metadata } = object.metadata;
  if (annotations === undefined) return object;
  const ours = Object.entries(annotations).filter(([key]) => key.startsWith(`${apiGroup}/`));
  const kept = Object.fromEntries(ours.map(([key, value]) => [key, value.slice(0, maxAnnotationLength)]));
  return { ...object, metadata: ours.length === 0 ? metadata : { ...metadata, annotations: kept } };
}

/** The namespace without its annotations. */
export function slimNamespace(namespace: Namespace): Namespace {
  const { annotations: _, ...metadata } = namespace.metadata;
  return { ...namespace, metadata };
}

/** The Secret, without data when that is larger than a password or a key: whose it is stays to be seen. */
export function slimSecret(secret: Secret): Secret {
  const { data = {}, ...rest } = secret;
  const length = Object.values(data).reduce((sum, value) => sum + value.length, 0);
  return length > maxSecretData ? rest : secret;
}
