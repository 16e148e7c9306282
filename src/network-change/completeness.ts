import type { SecurityServiceSpec } from '../api/v1alpha1/security-service.ts';

/**
 * Names what a security service lacks for its type (guard row G9): Active Directory needs DNS servers, domain, user and password;
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

function hasText(text: string | undefined): boolean {
  return text !== undefined && text.trim() !== '';
}

function hasEntries(entries: readonly string[] | undefined): boolean {
  return entries?.some(hasText) ?? false;
}
