import { finalizer } from '../api/v1alpha1/labels.ts';
import { apiGroup } from '../api/v1alpha1/resource-types.ts';
import type { Namespace, Secret } from '../runtime/core-types.ts';
import type { KubeObject, OwnerReference } from '../runtime/kube-object.ts';

/** Longest value of an annotation of ours that can mean something, in characters; one of this length may have been cut. */
export const maxAnnotationLength = 8192;
/** Longest value of a Secret that is kept, in base64: of a password of 1,024 characters with four bytes each. */
const maxSecretValue = 5464;
/** Most characters of a Secret's data that are kept, with the names of its keys. */
const maxSecretData = 8192;
/** Kept before all others, the last first. */
const preferredKeys = ['ca.crt', 'password'];
const maxOwners = 16;
/** From so many finalizers on the cache does not have all of them. */
export const maxKeptFinalizers = 64;

/**
 * The object with no labels and annotations but ours, and what else is kept bounded. A tenant can store an object of 1.5 MiB: ten
 * thousand of them must not fill the operator's memory, nor go to the API server with every status. What is slim stays as it is.
 */
export function slimObject<T extends KubeObject>(object: T): T {
  return { ...object, metadata: slimMetadata(object.metadata) };
}

/** The namespace without its annotations. Its labels are kept as they are: without one it could be given what it is excluded from. */
export function slimNamespace(namespace: Namespace): Namespace {
  const { labels } = namespace.metadata;
  return {
    ...namespace,
    metadata: { ...slimMetadata(namespace.metadata), ...(labels === undefined ? {} : { labels }) },
  };
}

/**
 * The Secret with no more data than a password or an access key needs: the key `password`, then `ca.crt`, then the shortest
 * values first.
 * `partial` says that something is missing.
 */
export function slimSecret(secret: Secret): Secret {
  const { data = {} } = secret;
  const metadata = slimMetadata(secret.metadata);
  const entries = Object.entries(data).sort(
    ([left, { length: leftLength }], [right, { length: rightLength }]) =>
      preferredKeys.indexOf(right) - preferredKeys.indexOf(left) || leftLength - rightLength,
  );
  let left = maxSecretData;
  const kept = entries.filter(([key, { length }]) => {
    if (length > maxSecretValue || key.length + length > left) return false;
    left -= key.length + length;
    return true;
  });
  if (kept.length === entries.length) return { ...secret, metadata };
  return { ...secret, metadata, data: Object.fromEntries(kept), partial: true };
}

function slimMetadata(whole: KubeObject['metadata']): KubeObject['metadata'] {
  const { annotations, labels, finalizers, ownerReferences, ...metadata } = whole;
  const ours = ownEntries(annotations).map(([key, value]) => [key, beginningOf(value)] as const);
  const ourLabels = ownEntries(labels);
  return {
    ...metadata,
    ...(ourLabels.length === 0 ? {} : { labels: Object.fromEntries(ourLabels) }),
    ...(ours.length === 0 ? {} : { annotations: Object.fromEntries(ours) }),
    ...(finalizers === undefined ? {} : { finalizers: boundedFinalizers(finalizers) }),
    ...(ownerReferences === undefined ? {} : { ownerReferences: boundedOwners(ownerReferences) }),
  };
}

/** As a text of its own: a slice would keep all of the text that it is a part of in memory. */
function beginningOf(text: string): string {
  return text.length <= maxAnnotationLength
    ? text
    : Buffer.from(text.slice(0, maxAnnotationLength), 'utf16le').toString('utf16le');
}

function ownEntries(texts: Readonly<Record<string, string>> | undefined): (readonly [string, string])[] {
  return Object.entries(texts ?? {}).filter(([key]) => key.startsWith(`${apiGroup}/`));
}

/** Those of our kinds first: whose a Secret is must show. */
function boundedOwners(owners: readonly OwnerReference[]): readonly OwnerReference[] {
  if (owners.length <= maxOwners) return owners;
  const isOurs = ({ apiVersion }: OwnerReference): boolean => apiVersion.startsWith(`${apiGroup}/`);
  return [...owners.filter(isOurs), ...owners.filter((owner) => !isOurs(owner))].slice(0, maxOwners);
}

/** Whether ours is among them must show. */
function boundedFinalizers(finalizers: readonly string[]): readonly string[] {
  if (finalizers.length <= maxKeptFinalizers) return finalizers;
  const others = finalizers.filter((name) => name !== finalizer);
  return finalizers.includes(finalizer)
    ? [...others.slice(0, maxKeptFinalizers - 1), finalizer]
    : others.slice(0, maxKeptFinalizers);
}
