import * as labels from '../api/v1alpha1/labels.ts';
import type { SecurityServiceSpec } from '../api/v1alpha1/security-service.ts';
import { distinguishedNameFault } from '../values/distinguished-name.ts';
import { nameList } from '../values/name-list.ts';
import { type ContentFault, contentFaults } from '../values/secret-content.ts';

/**
 * The result of looking up the password of a security service. `none`: it refers to no Secret; `no_key`: the Secret has other
 * keys only; `too_large`: it has so much data that this key was not read; a fault: the content can be no password.
 */
export type CredentialsState =
  | 'usable'
  | 'missing'
  | 'not_bound'
  | 'not_for_destination'
  | 'without_destinations'
  | 'none'
  | 'no_key'
  | 'no_data'
  | 'too_large'
  | ContentFault
  | AuthoritiesFault;

/** What is wrong with the authorities of a service's `tls`. */
export type AuthoritiesFault = 'ca_missing' | 'ca_no_key' | 'ca_too_large' | 'ca_invalid';

/** Key of a Secret that has the authorities, unless the reference names another. */
export const authoritiesKey = 'ca.crt';

/** Reason of a password that can't be used. */
export type CredentialsReason =
  | 'CABundleInvalid'
  | 'CredentialsNotBound'
  | 'CredentialsDestinationNotAllowed'
  | 'CredentialsDestinationsRequired'
  | 'CredentialsNotFound'
  | 'PasswordInvalid';

/**
 * Names what a security service lacks for its type: Active Directory needs DNS servers, domain, user and password;
 * LDAP user, password, and servers or domain; Kerberos all five.
 * @returns names of fields; none when the service is complete
 */
export function securityServiceGaps(spec: SecurityServiceSpec): readonly string[] {
  const account = [!hasText(spec.user) && 'user', spec.passwordSecretRef === undefined && 'passwordSecretRef'];
  const gaps = (fields: readonly (string | false)[]): string[] => fields.filter((field) => field !== false);
  switch (spec.type) {
    case 'active_directory':
      return gaps([!hasEntries(spec.dnsIPs) && 'dnsIPs', !hasText(spec.domain) && 'domain', ...account]);
    case 'ldap':
      return gaps([!hasEntries(spec.servers) && !hasText(spec.domain) && 'servers or domain', ...account]);
    case 'kerberos':
      return gaps([
        !hasEntries(spec.dnsIPs) && 'dnsIPs',
        !hasText(spec.domain) && 'domain',
        !hasEntries(spec.servers) && 'servers',
        ...account,
      ]);
    default:
      // A type of a newer version: the driver knows what it needs.
      return [];
  }
}

/**
 * Says which distinguished name of a security service is none. A value without `=` is no such name, but may mean something to the
 * driver: a path of organizational units, or an account's name.
 */
export function distinguishedNameProblem({ type, ou, user, domain }: SecurityServiceSpec): string | undefined {
  const fields = type === 'ldap' ? { ou, user, domain } : { ou };
  for (const [field, text = ''] of Object.entries(fields)) {
    const fault = text.includes('=') ? distinguishedNameFault(text) : undefined;
    if (fault !== undefined) return `${field} is no distinguished name: ${fault}`;
  }
  return undefined;
}

/**
 * Says what is wrong with the Secret of a password, or with the authorities of the servers that it goes to. Only Secrets with the label are read: one without it can't be distinguished from
 * one that does not exist.
 * @param uncovered the destinations that the Secret is not for, where they are known
 * @returns undefined where nothing is wrong
 */
export function credentialsProblem(
  state: CredentialsState,
  { passwordSecretRef: reference, tls }: Pick<SecurityServiceSpec, 'passwordSecretRef' | 'tls'>,
  uncovered: readonly string[] = [],
): string | undefined {
  const secret = `Secret ${reference?.name}`;
  const key = reference?.key ?? 'password';
  const authorities = `tls.caSecretRef: Secret ${tls?.caSecretRef?.name}`;
  const authoritiesIn = tls?.caSecretRef?.key ?? authoritiesKey;
  switch (state) {
    case 'ca_missing':
      return `${authorities} does not exist or lacks the label ${labels.credentialsLabel}: "true"`;
    case 'ca_no_key':
      return `${authorities} has no key ${authoritiesIn}: store the certificates under it, or set tls.caSecretRef.key to the key that has them`;
    case 'ca_too_large':
      return `${authorities} has more data than is read: store at most 4096 bytes of certificates under ${authoritiesIn} in a Secret of their own, or use tls.caBundle`;
    case 'ca_invalid':
      return tls?.caSecretRef === undefined
        ? 'tls.caBundle must be certificates in PEM that can be read, and nothing else'
        : `${authorities}, key ${authoritiesIn}, must be certificates in PEM that can be read, and nothing else`;
    case 'usable':
    case 'none':
      return undefined;
    case 'missing':
      return `${secret} does not exist or lacks the label ${labels.credentialsLabel}: "true"`;
    case 'not_bound':
      return `${secret} is bound to other services by its annotation ${labels.credentialsFor}`;
    case 'no_key':
      return `${secret} has no key ${key}: store the password under it, or set passwordSecretRef.key to the key that has it`;
    case 'no_data':
      return `${secret} has no data: store the password under the key ${key}`;
    case 'too_large':
      return `${secret} has far more data than a password needs, so its key ${key} was not read: store the password alone in a Secret, in at most 1024 characters`;
    case 'not_for_destination':
      return `the annotation ${labels.credentialsDestinations} of ${secret} does not cover ${uncovered.length > 0 ? nameList(uncovered) : "the service's servers, domain or dnsIPs"}`;
    case 'without_destinations':
      return `${secret} has no annotation ${labels.credentialsDestinations}, which this installation requires: it names the domain, servers, addresses or networks that the password may be sent to`;
    default:
      return `the password in ${secret}, key ${key}, ${contentFaults[state]}`;
  }
}

/** The reason of the condition that shows what {@link credentialsProblem} found. */
export function credentialsReason(state: CredentialsState): CredentialsReason {
  if (state === 'ca_invalid') return 'CABundleInvalid';
  if (state === 'not_bound') return 'CredentialsNotBound';
  if (state === 'not_for_destination') return 'CredentialsDestinationNotAllowed';
  if (state === 'without_destinations') return 'CredentialsDestinationsRequired';
  return Object.hasOwn(contentFaults, state) ? 'PasswordInvalid' : 'CredentialsNotFound';
}

function hasText(text: string | undefined): boolean {
  return text !== undefined && text.trim() !== '';
}

function hasEntries(entries: readonly string[] | undefined): boolean {
  return entries?.some(hasText) ?? false;
}
