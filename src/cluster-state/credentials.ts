import * as labels from '../api/v1alpha1/labels.ts';
import type { SecurityService } from '../api/v1alpha1/security-service.ts';
import { type AuthoritiesFault, authoritiesKey, type CredentialsState } from '../network-change/completeness.ts';
import { type PasswordDestinations, uncoveredDestinations } from '../network-change/credential-destinations.ts';
import { type Secret, secretBytes } from '../runtime/core-types.ts';
import { lineContent } from '../values/secret-content.ts';
import { certificatesFault } from './certificates.ts';
import type { ClusterState } from './cluster-state.ts';
import { maxAnnotationLength } from './slim-object.ts';

/** In characters; Active Directory takes 256 at most. */
const maxPasswordLength = 1024;

/** What a password is looked up in. */
export type PasswordState = Pick<ClusterState, 'informers' | 'installation' | 'requireCredentialDestinations'>;

/** What became of looking for a SecurityService's password. */
export type PasswordLookup =
  | {
      readonly state: 'usable';
      readonly password: string;
      /** Certificates in PEM of the authorities that may have issued the certificate of an LDAP server. */
      readonly authorities?: string;
      /** Changes with the password, and with the Secret of the authorities. */
      readonly version: string;
    }
  | { readonly state: 'not_for_destination'; readonly uncovered: readonly string[] }
  | { readonly state: Exclude<CredentialsState, 'usable' | 'not_for_destination'> };

/**
 * Finds the password of a SecurityService. Only Secrets that are marked as credentials are in the cache at all: to the
 * operator an unmarked one looks like a missing one.
 * @param destinations where the password is to be sent: what is passed to the driver together with it
 */
export function findPassword(
  state: PasswordState,
  service: SecurityService,
  destinations: PasswordDestinations & Pick<SecurityService['spec'], 'tls'> = service.spec,
): PasswordLookup {
  const reference = service.spec.passwordSecretRef;
  const namespace = service.metadata.namespace ?? '';
  if (reference === undefined) return { state: 'none' };
  const secret = state.informers.credentials.cache.get({ namespace, name: reference.name });
  // One of an access key is made with the labels that someone may have given it before: a person who may create Secrets but not read them must
  // not be able to have it sent to a server of their choice.
  if (secret === undefined || secret.metadata.labels?.[labels.accessKeyLabel] !== undefined)
    return { state: 'missing' };
  const boundTo = entriesOf(secret, labels.credentialsFor);
  if (boundTo !== undefined && !boundTo.includes(service.metadata.name)) return { state: 'not_bound' };
  const allowed = entriesOf(secret, labels.credentialsDestinations);
  if (allowed === undefined && state.requireCredentialDestinations) return { state: 'without_destinations' };
  const uncovered = allowed === undefined ? [] : uncoveredDestinations(allowed, destinations);
  if (uncovered.length > 0) return { state: 'not_for_destination', uncovered };
  if (secret.data === undefined) return { state: 'no_data' };
  const bytes = secretBytes(secret, reference.key ?? 'password');
  if (bytes === undefined) return { state: secret.partial === true ? 'too_large' : 'no_key' };
  const content = lineContent(bytes, maxPasswordLength);
  if (!content.ok) return { state: content.fault };
  const authorities = findAuthorities(state, namespace, destinations.tls);
  if (typeof authorities === 'string') return { state: authorities };
  const digested = authorities.secret ? [bytes, authorities.text] : [bytes];
  const version = state.installation.digest(namespace, ...digested);
  const found = authorities.text === '' ? {} : { authorities: authorities.text };
  return { state: 'usable', password: content.text, ...found, version };
}

/** The authorities that a service names, or what is wrong with them. They are public, but read from marked Secrets only. */
function findAuthorities(
  state: PasswordState,
  namespace: string,
  tls: SecurityService['spec']['tls'],
): { readonly text: string; readonly secret: boolean } | AuthoritiesFault {
  const reference = tls?.caSecretRef;
  if (reference === undefined) {
    const text = tls?.caBundle ?? '';
    return text !== '' && certificatesFault(text) !== undefined ? 'ca_invalid' : { text, secret: false };
  }
  const secret = state.informers.credentials.cache.get({ namespace, name: reference.name });
  if (secret === undefined || secret.metadata.labels?.[labels.accessKeyLabel] !== undefined) return 'ca_missing';
  const bytes = secretBytes(secret, reference.key ?? authoritiesKey);
  if (bytes === undefined) return secret.partial === true ? 'ca_too_large' : 'ca_no_key';
  const text = bytes.toString('latin1');
  return certificatesFault(text) === undefined ? { text, secret: true } : 'ca_invalid';
}

/** The destinations that a Secret is not for. */
export function uncoveredOf(password: PasswordLookup): readonly string[] {
  return password.state === 'not_for_destination' ? password.uncovered : [];
}

/** Entries of an annotation, comma-separated; where its end was cut, without the last one, which may have meant something else. */
function entriesOf(secret: Secret, annotation: string): readonly string[] | undefined {
  const value = secret.metadata.annotations?.[annotation];
  const entries = value?.split(',').map((entry) => entry.trim());
  return value !== undefined && value.length >= maxAnnotationLength ? entries?.slice(0, -1) : entries;
}
