import * as labels from '../api/v1alpha1/labels.ts';
import type { SecurityServiceSpec } from '../api/v1alpha1/security-service.ts';

/** What became of looking for the password of a security service; `none`: it refers to no Secret. */
export type CredentialsState = 'usable' | 'missing' | 'not_bound' | 'none';

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
 * Says what is wrong with the Secret of a password. Only Secrets with the label are known at all: one without it can't be told from
 * one that does not exist.
 * @returns undefined where nothing is wrong
 */
export function credentialsProblem(
  state: CredentialsState,
  reference: SecurityServiceSpec['passwordSecretRef'],
): string | undefined {
  const secret = `Secret ${reference?.name}`;
  switch (state) {
    case 'missing':
      return `${secret} does not exist, lacks the label ${labels.credentialsLabel}: "true", or has nothing under the key ${reference?.key ?? 'password'}`;
    case 'not_bound':
      return `${secret} is bound to other services by its annotation ${labels.credentialsFor}`;
    default:
      return undefined;
  }
}

function hasText(text: string | undefined): boolean {
  return text !== undefined && text.trim() !== '';
}

function hasEntries(entries: readonly string[] | undefined): boolean {
  return entries?.some(hasText) ?? false;
}
