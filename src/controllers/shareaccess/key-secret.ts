import * as labels from '../../api/v1alpha1/labels.ts';
import { apiVersion } from '../../api/v1alpha1/resource-types.ts';
import type { ShareAccess } from '../../api/v1alpha1/share-access.ts';
import { isAlreadyExists, isNotFound } from '../../runtime/api-error.ts';
import { type Secret, secretData, secrets, secretText } from '../../runtime/core-types.ts';
import { uidOf } from '../../runtime/kube-object.ts';
import type { Operator } from '../operator.ts';

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
  return owned || secret.metadata.annotations?.[labels.accessKeyDigest] === digestOf(operator, rule, textsOf(secret));
}

function digestOf(operator: Operator, rule: ShareAccess, texts: Readonly<Record<string, string>>): string {
  const fields = Object.keys(texts)
    .sort()
    .flatMap((key) => [key, texts[key] ?? '']);
  return operator.installation.digest(uidOf(rule), ...fields);
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
  if (known?.ruleUID === uidOf(rule)) return known.verdict;
  const verdict = judge(operator, rule, secret);
  judged.set(secret, { ruleUID: uidOf(rule), verdict });
  return verdict;
}

/** Verdicts on Secrets of the cache, which never change: each pass over a share asks for all of its rules. */
const judged = new WeakMap<Secret, { readonly ruleUID: string; readonly verdict: KeySecret }>();

function judge(operator: Operator, rule: ShareAccess, secret: Secret): KeySecret {
  if (!isOurs(operator, secret, rule)) return { state: 'foreign' };
  const recorded = secret.metadata.annotations?.[labels.accessKeyDigest];
  const intact =
    recorded !== undefined &&
    secret.partial !== true &&
    secret.metadata.ownerReferences?.some(({ uid }) => uid === uidOf(rule)) === true &&
    secret.metadata.labels?.[labels.accessKeyLabel] === 'true' &&
    !operator.installation.differs(recorded, digestOf(operator, rule, textsOf(secret)));
  return { state: intact ? 'ours' : 'altered', secret };
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
 * Keeps a rule's access key: creates the Secret, or replaces the key in place by one guarded update, so that there is no
 * moment without one. Nothing is written when it holds the key already.
 * @returns false when a Secret of that name belongs to somebody else
 */
export async function storeKey(operator: Operator, rule: ShareAccess, accessKey: string): Promise<boolean> {
  const { cache } = operator.informers.accessKeys;
  const texts = { accessKey, userID: rule.spec.accessTo, userKey: accessKey };
  const wanted: Secret = {
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
  let present = cachedKeySecret(operator, rule);
  for (let attempt = 1; attempt <= 3; attempt += 1) {
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
  const others = (metadata.ownerReferences ?? []).filter(({ uid }) => uid !== owner?.uid);
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
  const { namespace = '', name, uid } = present.secret.metadata;
  try {
    await operator.client.delete(secrets, { namespace, name }, uid === undefined ? {} : { uid });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}
