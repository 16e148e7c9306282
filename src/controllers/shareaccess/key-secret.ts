import { readyReason } from '../../access-rules/plan.ts';
import * as labels from '../../api/v1alpha1/labels.ts';
import { apiVersion } from '../../api/v1alpha1/resource-types.ts';
import type { ShareAccess } from '../../api/v1alpha1/share-access.ts';
import type { Installation } from '../../cluster-state/installation.ts';
import { isAlreadyExists, isConflict, isNotFound } from '../../runtime/api-error.ts';
import { type Secret, secretData, secrets, secretText } from '../../runtime/core-types.ts';
import { nameOf, uidOf } from '../../runtime/kube-object.ts';
import type { Operator } from '../operator.ts';
import { writeRefused } from '../status/refused-writes.ts';

/** Most characters of an access key. */
export const maxKeyLength = 255;

/** What is found under the name of a rule's Secret. */
export type KeySecret =
  | { readonly state: 'ours'; readonly secret: Secret }
  /** Ours, but somebody changed what is in it. */
  | { readonly state: 'altered'; readonly secret: Secret }
  | { readonly state: 'missing' }
  /** A Secret of that name that belongs to somebody else: never touched. */
  | { readonly state: 'foreign' };

const nameSuffix = '-access-key';

/** Name of the Secret that keeps a rule's access key. */
export function keySecretName(rule: ShareAccess): string {
  return `${rule.metadata.name}${nameSuffix}`;
}

/** Name of the rule that a Secret is for; undefined where it is not named like one for a rule. */
export function ruleNameOf({ metadata: { name } }: Secret): string | undefined {
  return name.endsWith(nameSuffix) ? name.slice(0, -nameSuffix.length) : undefined;
}

/** Named by its owner reference; where somebody removed that, proven by the digest, which nobody else can make. */
function isOurs(operator: Operator, secret: Secret, rule: ShareAccess): boolean {
  const owned = secret.metadata.ownerReferences?.some(({ uid }) => uid === uidOf(rule)) === true;
  return owned || isProven(operator, secret, rule);
}

/** Whether the digest proves the content: under the rule's name, or under its UID as it was made before. */
function isProven(operator: Operator, secret: Secret, rule: ShareAccess): boolean {
  const recorded = secret.metadata.annotations?.[labels.accessKeyDigest];
  const texts = textsOf(secret);
  return recorded === digestOf(operator, rule, texts) || recorded === digestUnder(operator, [uidOf(rule)], texts);
}

/** A backup brings a rule back under its name, not under its UID. */
function digestOf(operator: Operator, { metadata }: ShareAccess, texts: Readonly<Record<string, string>>): string {
  return digestUnder(operator, ['access-key', metadata.namespace ?? '', metadata.name], texts);
}

function digestUnder(operator: Operator, subject: readonly string[], texts: Readonly<Record<string, string>>): string {
  const fields = Object.keys(texts)
    .sort()
    .flatMap((key) => [key, texts[key] ?? '']);
  return operator.installation.digest(...subject, ...fields);
}

function textsOf(secret: Secret): Record<string, string> {
  return Object.fromEntries(Object.keys(secret.data ?? {}).map((key) => [key, secretText(secret, key) ?? '']));
}

/** Looks in the cache, which holds the Secrets with our label only: a foreign one shows as missing there. */
export function cachedKeySecret(operator: Operator, rule: ShareAccess): KeySecret {
  const namespace = rule.metadata.namespace ?? '';
  const secret = operator.informers.accessKeys.cache.get({ namespace, name: keySecretName(rule) });
  if (secret === undefined) return { state: 'missing' };
  const known = judged.get(secret);
  if (known?.ruleUID === uidOf(rule) && known.installation === operator.installation) return known.verdict;
  const verdict = judge(operator, rule, secret);
  judged.set(secret, { ruleUID: uidOf(rule), installation: operator.installation, verdict });
  return verdict;
}

/** Verdicts on Secrets of the cache, which never change: each pass over a share asks for all of its rules. */
const judged = new WeakMap<
  Secret,
  { readonly ruleUID: string; readonly installation: Installation; readonly verdict: KeySecret }
>();

/** Whether nothing is amiss with a rule, as far as the caches show. */
export function isIntact({ operator }: { readonly operator: Operator }, rule: ShareAccess): boolean {
  const { phase, accessKeySecretRef } = rule.status ?? {};
  // What the API server refused to keep may be a key that the backend has changed.
  if (phase !== 'active' || readyReason(rule) === writeRefused) return false;
  return accessKeySecretRef === undefined || cachedKeySecret(operator, rule).state === 'ours';
}

function judge(operator: Operator, rule: ShareAccess, secret: Secret): KeySecret {
  if (!isOurs(operator, secret, rule)) return { state: 'foreign' };
  const intact =
    secret.partial !== true &&
    // A digest under an installation key that was lost proves nothing: the backend is asked what the key is.
    isProven(operator, secret, rule) &&
    secret.metadata.ownerReferences?.some(({ uid }) => uid === uidOf(rule)) === true &&
    secret.metadata.labels?.[labels.accessKeyLabel] === 'true' &&
    secret.type === 'Opaque';
  if (intact) return { state: 'ours', secret };
  // On its way out it can be neither updated nor replaced.
  const held = !isUpdatable(secret) && secret.metadata.deletionTimestamp !== undefined;
  return held ? { state: 'foreign' } : { state: 'altered', secret };
}

/** Whether the API server takes another key in it. */
function isUpdatable({ immutable, type }: Secret): boolean {
  return immutable !== true && type === 'Opaque';
}

/** Looks at the API server, also for Secrets that carry no label of ours. */
export async function liveKeySecret(operator: Operator, rule: ShareAccess): Promise<KeySecret> {
  const namespace = rule.metadata.namespace ?? '';
  try {
    return judge(operator, rule, await operator.client.get(secrets, { namespace, name: keySecretName(rule) }));
  } catch (error) {
    if (isNotFound(error)) return { state: 'missing' };
    throw error;
  }
}

/**
 * Looks, before the driver is asked for a key, whether it could be kept: by a dry run of the write that would follow. A key that
 * nobody gets must not be granted.
 * @returns false when a Secret of that name belongs to somebody else
 * @throws RefusedWrite when the API server would refuse the Secret
 */
export async function tryKeySecret(operator: Operator, rule: ShareAccess): Promise<boolean> {
  const { client } = operator;
  const wanted = keySecret(operator, rule, 'tried by a dry run');
  let present = cachedKeySecret(operator, rule);
  if (present.state === 'missing') {
    try {
      await client.create(secrets, wanted, { dryRun: true });
      return true;
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
    }
  }
  if (present.state !== 'ours') present = await liveKeySecret(operator, rule);
  // One that cannot be updated is deleted and created.
  if (present.state !== 'altered' || !isUpdatable(present.secret)) return present.state !== 'foreign';
  try {
    await client.replace(secrets, merged(present.secret, wanted), { dryRun: true });
  } catch (error) {
    // The cache is behind: the write itself finds out.
    if (!isConflict(error) && !isNotFound(error)) throw error;
  }
  return true;
}

function keySecret(operator: Operator, rule: ShareAccess, accessKey: string): Secret {
  const texts = { accessKey, userID: rule.spec.accessTo, userKey: accessKey };
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name: keySecretName(rule),
      namespace: rule.metadata.namespace ?? '',
      labels: { [labels.accessKeyLabel]: 'true' },
      annotations: { [labels.accessKeyDigest]: digestOf(operator, rule, texts) },
      ownerReferences: [
        { apiVersion, kind: 'ShareAccess', name: rule.metadata.name, uid: uidOf(rule), blockOwnerDeletion: false },
      ],
    },
    type: 'Opaque',
    data: secretData(texts),
  };
}

/**
 * Keeps a rule's access key: creates the Secret, or replaces the key in place by one guarded update, so that there is no
 * moment without one; one that cannot be updated is deleted and created. Nothing is written when it holds the key already.
 * @returns false when a Secret of that name belongs to somebody else, or is held by a finalizer
 */
export async function storeKey(operator: Operator, rule: ShareAccess, accessKey: string): Promise<boolean> {
  const { cache } = operator.informers.accessKeys;
  const wanted = keySecret(operator, rule, accessKey);
  let present = cachedKeySecret(operator, rule);
  for (let attempt = 1; attempt <= 4; attempt += 1) {
    if (present.state === 'foreign') return false;
    if (present.state === 'missing') {
      try {
        cache.observe(await operator.client.create(secrets, wanted));
        return true;
      } catch (error) {
        if (!isAlreadyExists(error)) throw error;
        present = await liveKeySecret(operator, rule);
        continue;
      }
    }
    if (present.state === 'ours' && sameContent(present.secret, wanted)) return true;
    // The cache keeps no labels and annotations but ours: what others wrote is to stay.
    const live = await liveKeySecret(operator, rule);
    if (live.state !== 'ours' && live.state !== 'altered') {
      present = live;
      continue;
    }
    if (!isUpdatable(live.secret)) {
      await remove(operator, live.secret.metadata);
      present = { state: 'missing' };
      continue;
    }
    try {
      cache.observe(await operator.client.replace(secrets, merged(live.secret, wanted)));
      return true;
    } catch (error) {
      // Deleted behind the cache's back.
      if (!isNotFound(error)) throw error;
      present = { state: 'missing' };
    }
  }
  return false;
}

/** Labels, annotations and owners of others stay. */
function merged(secret: Secret, wanted: Secret): Secret {
  const { metadata } = secret;
  const [owner] = wanted.metadata.ownerReferences ?? [];
  // A rule of this name with another UID is gone.
  const others = (metadata.ownerReferences ?? []).filter(
    ({ kind, name, uid }) => uid !== owner?.uid && !(kind === owner?.kind && name === owner.name),
  );
  return {
    ...secret,
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      ...metadata,
      labels: { ...metadata.labels, ...wanted.metadata.labels },
      annotations: { ...metadata.annotations, ...wanted.metadata.annotations },
      ownerReferences: [...others, ...(owner === undefined ? [] : [owner])],
    },
    ...(wanted.data === undefined ? {} : { data: wanted.data }),
  };
}

/** The digest counts, too: one under an installation key that was lost could not show an alteration any more. */
function sameContent(secret: Secret, wanted: Secret): boolean {
  const keys = Object.keys(wanted.data ?? {});
  const digest = (one: Secret): string | undefined => one.metadata.annotations?.[labels.accessKeyDigest];
  return (
    digest(secret) === digest(wanted) &&
    keys.length === Object.keys(secret.data ?? {}).length &&
    keys.every((key) => secret.data?.[key] === wanted.data?.[key])
  );
}

/** Deletes the rule's Secret, if it is ours. */
export async function deleteKey(operator: Operator, rule: ShareAccess): Promise<void> {
  let present = cachedKeySecret(operator, rule);
  // The cache does not show one whose label somebody removed.
  if (present.state === 'missing' && rule.status?.accessKeySecretRef !== undefined) {
    present = await liveKeySecret(operator, rule);
  }
  if (present.state !== 'ours' && present.state !== 'altered') return;
  const { resourceVersion: _version, ...anyVersion } = present.secret.metadata;
  await remove(operator, anyVersion);
}

/** Deletes a Secret: this version of it where the version is given. */
async function remove({ client }: Operator, metadata: Secret['metadata']): Promise<void> {
  const { uid, resourceVersion } = metadata;
  try {
    await client.delete(secrets, nameOf({ metadata }), {
      ...(uid && { uid }),
      ...(resourceVersion && { resourceVersion }),
    });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}
