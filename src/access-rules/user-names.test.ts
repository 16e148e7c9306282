import { describe, expect, it } from 'vitest';
import type { BackendCapabilities } from '../api/v1alpha1/backend-capabilities.ts';
import { canonicalUser, manilaNames, type UserNames, userNameFault, userNamesOf } from './user-names.ts';

const activeDirectory: UserNames = {
  minLength: 1,
  domainQualified: true,
  caseInsensitive: true,
  ownDomains: ['corp.test', 'CORP'],
};

describe('the name of a user', () => {
  it.each([
    ['bob', 'must have 4 to 255 characters, not 3'],
    ['x', 'must have 4 to 255 characters, not 1'],
    ['CORP\\alice', 'must not contain "\\": this backend knows no domains'],
    ['alice', undefined],
  ])('%s where nothing more is known', (name, fault) => {
    expect(userNameFault(name, manilaNames)).toBe(fault);
  });

  it.each(['x', 'HR', 'bob', 'CORP\\bob', 'corp.test\\HR', 'bob@corp.test', 'Domain Users', 'a'.repeat(255)])(
    'may be %s in Active Directory',
    (name) => {
      expect(userNameFault(name, activeDirectory)).toBeUndefined();
    },
  );

  it.each([
    '',
    '\\',
    '\\bob',
    'CORP\\',
    'A\\B\\c',
    'CORP\\-bob',
    'CORP\\ bob',
    'CORP \\bob',
    'CORP\\..',
    '@bob',
    ' bob',
    'a:b',
    'a'.repeat(256),
  ])('may not be %j in Active Directory', (name) => {
    expect(userNameFault(name, activeDirectory)).toBeDefined();
  });

  it.each(['bob', 'BOB', 'CORP\\bob', 'corp\\Bob', 'corp.test\\bob', 'bob@CORP.TEST', 'Bob@corp'])(
    'is the same user as bob: %s',
    (name) => {
      expect(canonicalUser(name, activeDirectory)).toBe('bob');
    },
  );

  it('of another domain is another user, in any spelling the same', () => {
    expect(canonicalUser('OTHER\\bob', activeDirectory)).toBe('other\\bob');
    expect(canonicalUser('other\\BOB', activeDirectory)).toBe('other\\bob');
    expect(canonicalUser('bob@other.test', activeDirectory)).toBe('bob@other.test');
  });

  it('is compared literally where the backend reports nothing else', () => {
    expect(canonicalUser('Bob', manilaNames)).toBe('Bob');
    expect(canonicalUser('CORP\\bob', { ...manilaNames, ownDomains: ['CORP'] })).toBe('CORP\\bob');
  });
});

describe('the user names of a share', () => {
  const capabilities: BackendCapabilities = {
    driverHandlesShareServers: true,
    securityServiceUpdateSupport: true,
    securityServiceTypes: [],
    shareProtocols: ['CIFS'],
    accessTypesByProtocol: { CIFS: ['user'] },
    accessLevels: ['rw'],
    accessKeyTypes: [],
    networkAllocationsPerServer: 1,
  };

  it('allow every name before the backend is known, and Manila’s names where it reports none', () => {
    expect(userNameFault('CORP\\x', userNamesOf(undefined, undefined))).toBeUndefined();
    expect(userNameFault('bob', userNamesOf(capabilities, undefined))).toContain('4 to 255');
  });

  it('include the domain of the share server', () => {
    const { ownDomains: _, ...userNames } = activeDirectory;
    const server = { status: { backendDetails: { domain: 'corp.test', workgroup: 'CORP', host: 'filer-a' } } };
    expect(userNamesOf({ ...capabilities, userNames }, server)).toEqual(activeDirectory);
    expect(userNamesOf({ ...capabilities, userNames }, {}).ownDomains).toEqual([]);
  });
});
