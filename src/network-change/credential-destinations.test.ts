import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type PasswordDestinations, uncoveredDestinations } from './credential-destinations.ts';

const ldap = (fields: Partial<PasswordDestinations>): PasswordDestinations => ({ type: 'ldap', ...fields });
const ad = (fields: Partial<PasswordDestinations>): PasswordDestinations => ({
  type: 'active_directory',
  domain: 'corp.example.com',
  dnsIPs: ['10.0.0.53'],
  ...fields,
});

describe('uncoveredDestinations', () => {
  it.each<[what: string, allowed: string, service: PasswordDestinations]>([
    ['a server by its name', 'ldap.example.com', ldap({ servers: ['ldap.example.com'] })],
    ['the case of letters', 'LDAP.Example.com', ldap({ servers: ['ldap.EXAMPLE.COM'] })],
    ['a dot at the end of the server', 'ldap.example.com', ldap({ servers: ['ldap.example.com.'] })],
    ['a dot at the end of the entry', ' ldap.example.com. ', ldap({ servers: ['ldap.example.com'] })],
    ['a port', 'ldap.example.com', ldap({ servers: ['ldap.example.com:636'] })],
    ['an address', '10.0.0.5', ldap({ servers: ['10.0.0.5:636'] })],
    ['an address in a network', 'x.test,10.0.0.0/24', ldap({ servers: ['10.0.0.5', '10.0.0.6'] })],
    ['spellings of an IPv6 address', '2001:db8::a', ldap({ servers: ['[2001:DB8:0:0:0:0:0:A]:636'] })],
    ['an IPv6 address in a network', '2001:db8::/64', ldap({ servers: ['2001:db8::5'] })],
    [
      'a domain with its DNS servers',
      'corp.example.com, 10.0.0.53',
      ldap({ domain: 'corp.example.com', dnsIPs: ['10.0.0.53'] }),
    ],
    ['the domain of an LDAP with servers', '10.0.0.5', ldap({ servers: ['10.0.0.5'], domain: 'other.test' })],
    ['DNS servers that resolve nothing', '10.0.0.5', ldap({ servers: ['10.0.0.5'], dnsIPs: ['192.0.2.1'] })],
    ['a domain of an Active Directory', 'corp.example.com', ad({})],
    ['a domain of an Active Directory and a network', 'CORP.EXAMPLE.COM,10.0.0.0/24', ad({})],
  ])('covers %s', (_what, allowed, service) => {
    expect(
      uncoveredDestinations(
        allowed.split(',').map((entry) => entry.trim()),
        service,
      ),
    ).toEqual([]);
  });

  it.each<[what: string, allowed: string, service: PasswordDestinations, uncovered: readonly string[]]>([
    ['nothing by an empty list', '', ldap({ servers: ['a.test'] }), ['a.test']],
    ['one of several servers', 'a.test', ldap({ servers: ['a.test', 'b.test'] }), ['b.test']],
    ['a server below a domain', 'example.com', ldap({ servers: ['evil.example.com'] }), ['evil.example.com']],
    ['a name that begins like another', 'a.test', ldap({ servers: ['a.test.evil.test'] }), ['a.test.evil.test']],
    ['two dots at the end', 'a.test', ldap({ servers: ['a.test..'] }), ['a.test..']],
    ['an address outside of the network', '10.0.0.0/24', ldap({ servers: ['10.0.1.5'] }), ['10.0.1.5']],
    ['an address by a network with host bits', '10.0.0.1/8', ldap({ servers: ['10.0.0.1'] }), ['10.0.0.1']],
    ['a short spelling of an IPv4 address', '10.0.0.1', ldap({ servers: ['10.1'] }), ['10.1']],
    ['an octal spelling', '10.0.0.8', ldap({ servers: ['10.0.0.010'] }), ['10.0.0.010']],
    ['an IPv4 address mapped into IPv6', '10.0.0.1', ldap({ servers: ['::ffff:10.0.0.1'] }), ['::ffff:10.0.0.1']],
    ['an IPv6 address by IPv4 networks', '0.0.0.0/0', ldap({ servers: ['::1'] }), ['::1']],
    ['a text around a name', 'a.test', ldap({ servers: ['a.test:636:evil.test'] }), ['a.test:636:evil.test']],
    [
      'DNS servers that resolve the name of an LDAP server',
      'a.test',
      ldap({ servers: ['a.test'], dnsIPs: ['192.0.2.1'] }),
      ['192.0.2.1'],
    ],
    [
      'DNS servers that find an LDAP by its domain',
      'corp.test,10.0.0.53',
      ldap({ domain: 'corp.test', dnsIPs: ['10.0.0.53', '192.0.2.1'] }),
      ['192.0.2.1'],
    ],
    [
      'the DNS servers of a type of a newer version',
      'a.test',
      {
        type: 'other' as PasswordDestinations['type'],
        domain: 'a.test',
        dnsIPs: ['192.0.2.1'],
      },
      ['192.0.2.1'],
    ],
    ['DNS servers, where the list has addresses', 'corp.example.com,10.0.0.1', ad({}), ['10.0.0.53']],
    ['the domain of an Active Directory', 'other.test', ad({}), ['corp.example.com']],
    ['the servers of an Active Directory', 'corp.example.com', ad({ servers: ['dc1.evil.test'] }), ['dc1.evil.test']],
    ['a domain by networks', '0.0.0.0/0,::/0', ad({ dnsIPs: ['10.0.0.53'] }), ['corp.example.com']],
  ])('does not cover %s', (_what, allowed, service, uncovered) => {
    expect(
      uncoveredDestinations(
        allowed.split(',').map((entry) => entry.trim()),
        service,
      ),
    ).toEqual(uncovered);
  });

  it('covers of any servers those only that are listed, in any case of letters', () => {
    const name = fc.domain().map((text) => text.toLowerCase());
    fc.assert(
      fc.property(
        fc.uniqueArray(name, { maxLength: 5 }),
        fc.uniqueArray(name, { minLength: 1, maxLength: 5 }),
        (allowed, servers) => {
          const spelled = servers.map((server, index) => (index % 2 === 0 ? server.toUpperCase() : `${server}.`));
          expect(uncoveredDestinations(allowed, ldap({ servers: spelled }))).toEqual(
            spelled.filter((_, index) => !allowed.includes(servers[index] ?? '')),
          );
        },
      ),
    );
  });
});
