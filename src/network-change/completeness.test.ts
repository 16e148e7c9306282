import { describe, expect, it } from 'vitest';
import type { SecurityServiceSpec } from '../api/v1alpha1/security-service.ts';
import { credentialsProblem, securityServiceGaps } from './completeness.ts';

const full = {
  dnsIPs: ['10.0.0.53'],
  servers: ['dc.example.com'],
  domain: 'example.com',
  user: 'joiner',
  passwordSecretRef: { name: 'password' },
} satisfies Omit<SecurityServiceSpec, 'type'>;

function without(...fields: readonly (keyof typeof full)[]): Omit<SecurityServiceSpec, 'type'> {
  return Object.fromEntries(Object.entries(full).filter(([field]) => !fields.some((name) => name === field)));
}

describe('a security service', () => {
  it.each(['active_directory', 'ldap', 'kerberos'] as const)('of type %s with every field has no gaps', (type) => {
    expect(securityServiceGaps({ type, ...full })).toEqual([]);
  });

  const cases: [SecurityServiceSpec, string[]][] = [
    [{ type: 'active_directory' }, ['dnsIPs', 'domain', 'user', 'passwordSecretRef']],
    [{ type: 'active_directory', ...without('servers') }, []],
    [{ type: 'active_directory', ...without('dnsIPs') }, ['dnsIPs']],
    [{ type: 'active_directory', ...without('domain') }, ['domain']],
    [{ type: 'active_directory', ...without('user') }, ['user']],
    [{ type: 'active_directory', ...without('passwordSecretRef') }, ['passwordSecretRef']],
    [{ type: 'ldap' }, ['servers or domain', 'user', 'passwordSecretRef']],
    [{ type: 'ldap', ...without('dnsIPs') }, []],
    [{ type: 'ldap', ...without('servers') }, []],
    [{ type: 'ldap', ...without('domain') }, []],
    [{ type: 'ldap', ...without('servers', 'domain') }, ['servers or domain']],
    [{ type: 'ldap', ...without('user') }, ['user']],
    [{ type: 'ldap', ...without('passwordSecretRef') }, ['passwordSecretRef']],
    [{ type: 'kerberos' }, ['dnsIPs', 'domain', 'servers', 'user', 'passwordSecretRef']],
    [{ type: 'kerberos', ...without('servers') }, ['servers']],
    [
      { type: 'kerberos', ...full, dnsIPs: [], domain: ' ', servers: [''], user: '' },
      ['dnsIPs', 'domain', 'servers', 'user'],
    ],
  ];
  it.each(cases)('%j lacks %j', (spec, gaps) => {
    expect(securityServiceGaps(spec)).toEqual(gaps);
  });
});

describe('the password of a security service', () => {
  it('can’t be told to be unmarked or not to be there: one message names both', () => {
    expect(credentialsProblem('missing', { name: 'ad-a-password' })).toBe(
      'Secret ad-a-password does not exist, lacks the label sharenet.io/credentials: "true", or has nothing under the key password',
    );
    expect(credentialsProblem('missing', { name: 'ad-a-password', key: 'pw' })).toMatch(/under the key pw$/);
  });

  it('is told to be bound to others', () => {
    expect(credentialsProblem('not_bound', { name: 'ad-a-password' })).toBe(
      'Secret ad-a-password is bound to other services by its annotation sharenet.io/credentials-for',
    );
  });

  it.each(['usable', 'none'] as const)('has no problem when %s', (state) => {
    expect(credentialsProblem(state, { name: 'ad-a-password' })).toBeUndefined();
  });
});
