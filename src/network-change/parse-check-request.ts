import type { SecurityServiceReference } from '../api/v1alpha1/share-network.ts';

/** Parses the annotation `sharenet.io/check-security-services`, `<type>=<name>[,...]`; undefined where it is not that. */
export function parseCheckRequest(request: string): readonly SecurityServiceReference[] | undefined {
  const references: SecurityServiceReference[] = [];
  for (const part of request.split(',')) {
    const [, type, name] = /^\s*(active_directory|ldap|kerberos)=([a-z0-9][-a-z0-9.]{0,252})\s*$/.exec(part) ?? [];
    if (name === undefined || (type !== 'active_directory' && type !== 'ldap' && type !== 'kerberos')) return undefined;
    if (references.some((reference) => reference.type === type)) return undefined;
    references.push({ type, name });
  }
  return references;
}
