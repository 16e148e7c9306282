import { describe, expect, it } from 'vitest';
import type { SecurityServiceSpec } from '../api/v1alpha1/security-service.ts';
import { contentFaults } from '../values/secret-content.ts';
import {
  type CredentialsState,
  credentialsProblem,
  credentialsReason,
  distinguishedNameProblem,
  securityServiceGaps,
} from './completeness.ts';

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

describe('the distinguished names of a security service', () => {
  it.each<[SecurityServiceSpec, string | undefined]>([
    [{ type: 'active_directory', ou: 'OU=A + B #1' }, 'ou is no distinguished name: "+" joins two'],
    [{ type: 'active_directory', ou: 'OU=Servers,' }, 'ou is no distinguished name: a part is empty (at character 12)'],
    [{ type: 'ldap', user: 'cn=a,,dc=b' }, 'user is no distinguished name: a part is empty'],
    [{ type: 'ldap', domain: 'dc=' }, 'domain is no distinguished name: a value is missing'],
    [{ type: 'active_directory', ou: 'OU=Servers;DC=corp;DC=test' }, undefined],
    [{ type: 'active_directory', ou: 'Servers/File servers + more' }, undefined],
    [{ type: 'active_directory', user: 'a=b,' }, undefined],
    [{ type: 'ldap', user: 'admin', domain: 'corp.test' }, undefined],
  ])('%j', (spec, problem) => {
    const found = distinguishedNameProblem(spec);
    if (problem === undefined) expect(found).toBeUndefined();
    else expect(found).toContain(problem);
  });
});

describe('the password of a security service', () => {
  it('can’t be told to be unmarked or not to be there: one message names both', () => {
    expect(credentialsProblem('missing', { passwordSecretRef: { name: 'ad-a-password' } })).toBe(
      'Secret ad-a-password does not exist or lacks the label sharenet.io/credentials: "true"',
    );
  });

  it.each([
    ['no_key', 'Secret pws has no key pw: ', 'CredentialsNotFound'],
    ['no_data', 'Secret pws has no data', 'CredentialsNotFound'],
    ['line_break_at_end', 'the password in Secret pws, key pw, ends with a line break', 'PasswordInvalid'],
    ['not_utf8', 'the password in Secret pws, key pw, is not UTF-8', 'PasswordInvalid'],
  ] as const)('%s says where to look', (state, text, reason) => {
    expect(credentialsProblem(state, { passwordSecretRef: { name: 'pws', key: 'pw' } })).toContain(text);
    expect(credentialsReason(state)).toBe(reason);
  });

  it('is reported with every fault of its content', () => {
    for (const state of Object.keys(contentFaults) as CredentialsState[]) {
      expect(credentialsProblem(state, { passwordSecretRef: { name: 'pws' } })).toContain('key password');
      expect(credentialsReason(state)).toBe('PasswordInvalid');
    }
  });

  it.each([
    ['ca_missing', 'tls.caSecretRef: Secret ca does not exist or lacks the label', 'CredentialsNotFound'],
    ['ca_no_key', 'Secret ca has no key ca.crt', 'CredentialsNotFound'],
    ['ca_too_large', 'at most 4096 bytes', 'CredentialsNotFound'],
    ['ca_invalid', 'Secret ca, key ca.crt, must be certificates in PEM', 'CABundleInvalid'],
  ] as const)('%s says what is wrong with the authorities', (state, text, reason) => {
    expect(credentialsProblem(state, { tls: { caSecretRef: { name: 'ca' } } })).toContain(text);
    expect(credentialsReason(state)).toBe(reason);
  });

  it('names the field of authorities that are no certificates', () => {
    expect(credentialsProblem('ca_invalid', { tls: { caBundle: 'x' } })).toMatch(/^tls.caBundle must be certificates/);
  });

  it('is reported as bound to others', () => {
    expect(credentialsProblem('not_bound', { passwordSecretRef: { name: 'ad-a-password' } })).toBe(
      'Secret ad-a-password is bound to other services by its annotation sharenet.io/credentials-for',
    );
  });

  it('is said to be for other destinations, by those that are not covered where they are known', () => {
    expect(credentialsProblem('not_for_destination', { passwordSecretRef: { name: 'pw' } }, ['b.test', 'a.test'])).toBe(
      'the annotation sharenet.io/credentials-destinations of Secret pw does not cover a.test, b.test',
    );
    expect(credentialsProblem('not_for_destination', { passwordSecretRef: { name: 'pw' } })).toMatch(
      /does not cover the service's servers, domain or dnsIPs$/,
    );
    expect(credentialsProblem('without_destinations', { passwordSecretRef: { name: 'pw' } })).toMatch(
      /^Secret pw has no annotation sharenet.io\/credentials-destinations, which this installation requires/,
    );
  });

  it.each(['usable', 'none'] as const)('has no problem when %s', (state) => {
    expect(credentialsProblem(state, { passwordSecretRef: { name: 'ad-a-password' } })).toBeUndefined();
  });
});
