import * as labels from '../api/v1alpha1/labels.ts';
import type { SecurityService } from '../api/v1alpha1/security-service.ts';
import type { CredentialsState } from '../network-change/completeness.ts';
import { secretText } from '../runtime/core-types.ts';
import type { ClusterState } from './cluster-state.ts';

/** What became of looking for a SecurityService's password. */
export type PasswordLookup =
  | { readonly state: 'usable'; readonly password: string; readonly version: string }
  | { readonly state: Exclude<CredentialsState, 'usable'> };

/**
 * Finds the password of a SecurityService. Only Secrets that are marked as credentials are in the cache at all: to the
 * operator an unmarked one looks like a missing one.
 */
export function findPassword(
  state: Pick<ClusterState, 'informers' | 'installation'>,
  service: SecurityService,
): PasswordLookup {
  const reference = service.spec.passwordSecretRef;
  const namespace = service.metadata.namespace ?? '';
  if (reference === undefined) return { state: 'none' };
  const secret = state.informers.credentials.cache.get({ namespace, name: reference.name });
  // One of an access key is made with the labels that somebody may have given it before: who may make Secrets, but read none, must
  // not have it sent to a server of his choice.
  if (secret === undefined || secret.metadata.labels?.[labels.accessKeyLabel] !== undefined)
    return { state: 'missing' };
  const boundTo = secret.metadata.annotations?.[labels.credentialsFor];
  if (boundTo !== undefined) {
    const names = boundTo.split(',').map((name) => name.trim());
    if (!names.includes(service.metadata.name)) return { state: 'not_bound' };
  }
  const password = secretText(secret, reference.key ?? 'password');
  if (password === undefined || password === '') return { state: 'missing' };
  return { state: 'usable', password, version: state.installation.digest(namespace, password) };
}
