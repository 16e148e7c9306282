import * as labels from '../../api/v1alpha1/labels.ts';
import { apiVersion } from '../../api/v1alpha1/resource-types.ts';
import type { ShareAccess } from '../../api/v1alpha1/share-access.ts';
import type { Installation } from '../../cluster-state/installation.ts';
import { isAlreadyExists, isConflict, isNotFound } from '../../runtime/api-error.ts';
import { type Secret, secretData, secrets, secretText } from '../../runtime/core-types.ts';
import { nameOf, uidOf } from '../../runtime/kube-object.ts';
import type { Operator } from '../operator.ts';

/** Maximum length of an access key. */
export const maxKeyLength = 255;

/** What is found under the name of a rule's Secret. */
export type KeySecret =
  | { readonly state: 'ours'; readonly secret: Secret }
  /** Ours, but its content was changed. */
  | { readonly state: 'altered'; readonly secret: Secret }
  | { readonly state: 'missing' }
  /** A Secret of that name that does not belong to the rule: never touched. */
  | { readonly state: 'foreign' };

const nameSuffix = '-access-key';

/** Name of the Secret that keeps a rule's access key. */
export function keySecretName(rule: ShareAccess): string {
  return `${rule.metadata.name}${nameSuffix}`;
}

/** Name of the rule that a Secret belongs to; undefined where its name is not that of a rule's Secret. */
export function ruleNameOf({ metadata: { name } }: Secret): string | undefined {
  return name.endsWith(nameSuffix) ? name.slice(0, -nameSuffix.length) : undefined;
}

/** By its owner reference; where that was removed, by the digest, which no one else can create. */
function isOurs(operator: Operator, secret: Secret, rule: ShareAccess): boolean {
  const owned = secret.metadata.ownerReferences?.some(({ uid }) => uid === uidOf(rule)) === true;
  return owned || isProven(operator, secret, rule);
}

/** Whether the digest proves the content: for the rule's name, or for its UID as older versions made it. */
function isProven(operator: Operator, secret: Secret, rule: ShareAccess): boolean {
  const recorded = secret.metadata.annotations?.[labels.accessKeyDigest];
  const texts = textsOf(secret);
  return recorded === digestOf(operator, rule, texts) || recorded === digestUnder(operator, [uidOf(rule)], texts);
}

/** A rule restored from a backup has its former name, but not its UID. */
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

/** Looks in the cache, which holds only Secrets with our label: a foreign one appears as missing. */
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

/** Results for cached Secrets, which never change: each pass over a share asks for all of its rules. */
const judged = new WeakMap<
  Secret,
  { readonly ruleUID: string; readonly installation: Installation; readonly verdict: KeySecret }
>();

/** Whether the rule is granted and its key is in its Secret, as far as the caches show. */
export function isIntact(operator: Operator, rule: ShareAccess): boolean {
  const { phase, accessKeySecretRef, accessKeyOutdated } = rule.status ?? {};
  if (phase !== 'active' || accessKeyOutdated === true) return false;
  return accessKeySecretRef === undefined || cachedKeySecret(operator, rule).state === 'ours';
}

function judge(operator: Operator, rule: ShareAccess, secret: Secret): KeySecret {
  if (!isOurs(operator, secret, rule)) return { state: 'foreign' };
  const intact =
    secret.partial !== true &&
    // A digest made with a lost installation key proves nothing: the backend is asked for the access key.
    isProven(operator, secret, rule) &&
    secret.metadata.ownerReferences?.some(({ uid }) => uid === uidOf(rule)) === true &&
    secret.metadata.labels?.[labels.accessKeyLabel] === 'true' &&
    secret.type === 'Opaque';
  if (intact) return { state: 'ours', secret };
  // While it is being deleted it can be neither updated nor replaced.
  const held = !isUpdatable(secret) && secret.metadata.deletionTimestamp !== undefined;
  return held ? { state: 'foreign' } : { state: 'altered', secret };
}

/** Whether the API server allows another key in it. */
function isUpdatable({ immutable, type }: Secret): boolean {
  return immutable !== true && type === 'Opaque';
}

/** Looks at the API server, also for Secrets without our label. */
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
 * Checks before a driver call whether the key could be stored, by a dry run of that write: no access is granted whose key no one
 * gets.
 * @returns false when a Secret of that name does not belong to the rule
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
    // The cache lags: the write itself finds out.
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
 * Stores a rule's access key: creates the Secret, or replaces the key in place by one guarded update, so that a Secret always
 * exists; one that cannot be updated is deleted and created. Nothing is written when it holds the key already.
 * @returns false when a Secret of that name does not belong to the rule, or is held by a finalizer
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
    // The cache keeps only our labels and annotations: those of others must stay.
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
      // It was deleted, and the cache lags.
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

/** Compares the digest too: one made with a lost installation key would no longer reveal a change. */
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
  // The cache does not show a Secret whose label was removed.
  if (present.state === 'missing' && rule.status?.accessKeySecretRef !== undefined) {
    present = await liveKeySecret(operator, rule);
  }
  if (present.state !== 'ours' && present.state !== 'altered') return;
  const { resourceVersion: _version, ...anyVersion } = present.secret.metadata;
  await remove(operator, anyVersion);
}

/** Deletes a Secret; where a version is given, only that version. */
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
