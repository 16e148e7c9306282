import { accessKeyLabel } from '../../api/v1alpha1/labels.ts';
import type { ShareAccess } from '../../api/v1alpha1/share-access.ts';
import type { ApiClient } from '../../runtime/api-client.ts';
import { isForbidden, isNotFound } from '../../runtime/api-error.ts';
import { type Secret, secrets } from '../../runtime/core-types.ts';
import { explainFailure } from '../api-failure.ts';
import { plainText } from '../output/plain-text.ts';

/** The key of a rule, or why it can't be shown. */
export type AccessKey =
  | { readonly kind: 'key'; readonly key: string }
  /** The rule has none (yet). */
  | { readonly kind: 'none' }
  | { readonly kind: 'problem'; readonly short: string; readonly text: string };

/** Reads the key of a rule from the Secret that its status names, with the user's own right to do so. */
export async function readAccessKey(client: ApiClient, rule: ShareAccess): Promise<AccessKey> {
  const name = rule.status?.accessKeySecretRef?.name;
  if (name === undefined) return { kind: 'none' };
  let secret: Secret;
  try {
    secret = await client.get(secrets, { namespace: rule.metadata.namespace ?? '', name });
  } catch (error) {
    if (isForbidden(error)) return problem('<forbidden>', `you need the right to get Secret ${name}`);
    if (isNotFound(error)) return problem('<not found>', `Secret ${name} does not exist`);
    return problem('<error>', `Secret ${name}: ${explainFailure(error)}`);
  }
  const encoded = secret.data?.accessKey;
  if (secret.metadata.labels?.[accessKeyLabel] !== 'true' || encoded === undefined) {
    return problem('<invalid>', `Secret ${name} holds no access key of the operator's`);
  }
  const key = Buffer.from(encoded, 'base64').toString('utf8');
  if (plainText(key) !== key) {
    return problem(
      '<unprintable>',
      `the key in Secret ${name} has control characters: read it with kubectl get secret`,
    );
  }
  return { kind: 'key', key };
}

function problem(short: string, text: string): AccessKey {
  return { kind: 'problem', short, text };
}
