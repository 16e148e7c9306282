import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { TestDomain } from '../../labs/ad/domain.ts';
import {
  activeDirectory,
  type DirectoryRig,
  type DirectoryServer,
  startDirectoryRig,
  startTimeoutMs,
} from './directory-rig.ts';

let rig: DirectoryRig;
let a: TestDomain;
let b: TestDomain;

beforeAll(async () => {
  rig = await startDirectoryRig();
  ({ a, b } = rig.ad);
}, startTimeoutMs);

afterAll(() => rig?.stop());

const accountsOf = async (domain: TestDomain, server: DirectoryServer) =>
  (await domain.computers()).filter(({ dn }) => dn.startsWith(`CN=${server.server.hostname},`));

describe('a share server in a domain', () => {
  test('goes to another domain: its users get in, those of the old one no more, and the share is the same', async () => {
    const server = rig.server('10.77.0.101');
    const made = await server.create(activeDirectory(a));
    expect(made).toMatchObject({ details: { domain: 'a.test', workgroup: 'ADA' }, warnings: [] });
    expect(await accountsOf(a, server)).toHaveLength(1);
    expect(await a.addressesOf(server.server.hostname)).toEqual([server.address]);
    await server.allow('alice');
    expect(await server.as(a, 'alice', 'put /etc/hostname of-alice')).toContain('putting file');
    expect(await server.as(a, 'anna', 'ls')).toContain('NT_STATUS_ACCESS_DENIED');

    const session = await server.connect(a, 'alice');
    const foretold = await server.check(activeDirectory(b));
    expect(foretold).toMatchObject({
      result: { compatible: true, impact: { disruptsSessions: true, openSessions: 1 } },
    });
    const updated = await server.update(activeDirectory(b), { currentService: activeDirectory(a) });
    expect(updated).toMatchObject({ details: { domain: 'b.test', workgroup: 'ADB' }, warnings: [] });
    expect(await session.command('ls')).not.toContain('blocks');
    await session.close();

    await server.allow('bob');
    expect(await server.as(b, 'bob', 'ls; put /etc/hostname of-bob')).toMatch(/of-alice[\s\S]*putting file/);
    expect(await server.as(a, 'alice', 'ls')).toContain('NT_STATUS_LOGON_FAILURE');
    expect(await server.describe()).toMatchObject({ healthy: true, details: { domain: 'b.test' } });
    expect(await accountsOf(a, server)).toEqual([]);
    expect(await a.addressesOf(server.server.hostname)).toEqual([]);
    expect(await accountsOf(b, server)).toMatchObject([{ description: expect.stringContaining(server.id) }]);

    expect(await server.remove(activeDirectory(b))).toEqual({ warnings: [] });
    expect(await accountsOf(b, server)).toEqual([]);
  });

  test('lets a user in by every spelling of the name, and takes no other domain for its own', async () => {
    const server = rig.server('10.77.0.108');
    await server.create(activeDirectory(b));
    await b.controller.succeed(['samba-tool', 'group', 'add', 'HR']);
    await b.controller.succeed(['samba-tool', 'group', 'addmembers', 'HR', 'bella']);
    for (const name of ['bob', 'ADB\\bob', 'b.test\\BOB', 'bob@b.test']) {
      expect(Object.values(z.record(z.string(), z.unknown()).parse(await server.allow(name)))).toEqual([{}]);
      expect(await server.as(b, 'bob', 'ls'), name).toContain('blocks');
      expect(await server.as(b, 'bella', 'ls'), name).toContain('NT_STATUS_ACCESS_DENIED');
    }
    expect(await server.allow('ADB\\HR')).toEqual({ 'rule-ADB-HR': {} });
    expect(await server.as(b, 'bella', 'ls')).toContain('blocks');
    expect(await server.as(b, 'bob', 'ls')).toContain('NT_STATUS_ACCESS_DENIED');
    for (const name of ['ADA\\alice', 'a.test\\bob', 'BUILTIN\\Users', 'NT AUTHORITY\\Authenticated Users', 'bo']) {
      const results = z.record(z.string(), z.unknown()).parse(await server.allow(name));
      expect(Object.values(results), name).toMatchObject([{ reason: 'AccessToUnknown' }]);
      expect(await server.as(b, 'bob', 'ls'), name).toContain('NT_STATUS_BAD_NETWORK_NAME');
    }
    await server.remove(activeDirectory(b));
  });

  test('stays in it with open sessions when only the password, the OU or the name servers change', async () => {
    const server = rig.server('10.77.0.102');
    await server.create(activeDirectory(a));
    await server.allow('alice');
    const before = await accountsOf(a, server);
    const session = await server.connect(a, 'alice');

    await a.setPassword('joiner', 'Rotated-Passw0rd!');
    const rotated = activeDirectory(a, { password: 'Rotated-Passw0rd!', id: 'id-rotated' });
    expect(await server.check(rotated)).toMatchObject({ result: { impact: { disruptsSessions: false } } });
    await server.update(rotated);
    await a.setPassword('joiner', a.password('joiner'));
    expect(await accountsOf(a, server)).toEqual(before);

    const other = activeDirectory(a, { servers: [a.address], dnsIPs: [a.address, '10.77.0.99'] });
    expect(await server.check(other)).toMatchObject({ result: { impact: { disruptsSessions: false } } });
    await server.update(other);
    expect(await server.inside(['cat', '/etc/resolv.conf'])).toContain('10.77.0.99');

    await a.modify(`dn: OU=Inner,OU=Servers,${a.baseDN}\nchangetype: add\nobjectClass: organizationalUnit\n`);
    await server.update(activeDirectory(a, { ou: 'Servers/Inner' }));
    const moved = await accountsOf(a, server);
    expect(moved).toMatchObject([{ dn: expect.stringContaining('OU=Inner,OU=Servers') }]);
    await server.update(activeDirectory(a, { ou: 'ou=inner; ou=servers; dc=A; dc=Test' }));
    expect(await accountsOf(a, server)).toEqual(moved);
    expect(await session.command('ls')).toContain('blocks');
    await session.close();
    await server.remove(activeDirectory(a));
  });

  test('tells when its join account expires, where that may know it, and serves on when it has', {
    timeout: 200_000,
  }, async () => {
    const server = rig.server('10.77.0.107');
    const account = { user: 'joiner2', password: a.password('joiner2'), ou: 'Others' };
    const day = 86_400_000;
    const expiry = async () => {
      const { details, credentialsExpireTime } = await server.describe();
      const shown = z.object({ credentialsExpireTime: z.string() }).parse(details).credentialsExpireTime;
      expect(credentialsExpireTime).toBe(Number.isNaN(Date.parse(shown)) ? null : shown);
      return Number.isNaN(Date.parse(shown)) ? shown : Math.ceil((Date.parse(shown) - Date.now()) / day);
    };
    // Sooner than its password, which the domain's policy lets live for six weeks.
    await a.expireAccount('joiner2', 3);
    await server.create(activeDirectory(a, account));
    expect(await expiry()).toBe(3);
    await a.expireAccount('joiner2', undefined);
    await server.update(activeDirectory(a, account));
    expect(await expiry()).toBe('never');
    await a.deny(`CN=joiner2,CN=Users,${a.baseDN}`, '(D;;RP;;;PS)');
    await server.update(activeDirectory(a, account));
    expect(await expiry()).toBe('unknown');
    await a.expireAccount('joiner2', -1);
    const refused = { reason: 'AccountDisabled', message: expect.stringContaining('locked or expired') };
    expect(await server.check(activeDirectory(a, account))).toMatchObject({
      result: { compatible: false, ...refused },
    });
    await server.allow('alice');
    expect(await server.as(a, 'alice', 'ls')).toContain('blocks');
    expect(await server.describe()).toMatchObject({ healthy: true });
    const left = [expect.objectContaining({ reason: 'MachineAccountLeft' })];
    expect(await server.remove(activeDirectory(a, account))).toEqual({ warnings: left });
  });

  test('keeps files and owners over ten replacements, and the same RID of another domain owns none of them', {
    timeout: 300_000,
  }, async () => {
    const server = rig.server('10.77.0.103');
    await server.create(activeDirectory(a));
    await server.allow('alice');
    await server.as(a, 'alice', 'put /etc/hostname private');
    await server.inside(['chmod', '600', server.path('private')]);
    const owner = await server.owner('private');
    const rid = owner.replace(/ .*$/, '').slice(-4);
    for (let round = 0; round < 10; round += 1) {
      const [from, to, user] = round % 2 === 0 ? ([a, b, 'bob'] as const) : ([b, a, 'alice'] as const);
      const { warnings } = await server.update(activeDirectory(to), { currentService: activeDirectory(from) });
      expect(warnings).toEqual([]);
      await server.allow(user);
      const read = await server.as(to, user, 'get private -');
      expect(await server.owner('private')).toBe(owner);
      if (to === a) {
        expect(read).not.toContain('NT_STATUS');
        continue;
      }
      expect(read).toContain('NT_STATUS_ACCESS_DENIED');
      await server.as(b, 'bob', `put /etc/hostname of-bob-${round}`);
      const ofBob = await server.owner(`of-bob-${round}`);
      expect(ofBob).not.toBe(owner);
      expect(ofBob.replace(/ .*$/, '').slice(-4)).toBe(rid);
    }
    const { details } = await server.describe();
    expect(details).toMatchObject({ idmapRanges: expect.stringMatching(/^\S+=300000-399999 \S+=400000-499999$/) });
    expect(await accountsOf(b, server)).toEqual([]);
    await server.remove(activeDirectory(a));
  });

  test('takes over no account that it did not make', async () => {
    const server = rig.server('10.77.0.104');
    await server.create(activeDirectory(a));
    const dn = `CN=Somebody,OU=Servers,${b.baseDN}`;
    const name = `sAMAccountName: ${server.server.hostname}$`;
    const lines = [`dn: ${dn}`, 'changetype: add', 'objectClass: computer', name, 'userAccountControl: 4096', ''];
    await b.modify(lines.join('\n'));
    const before = (await b.computers()).find((each) => each.dn === dn);
    const refused = { reason: 'MachineAccountForeign', message: expect.stringContaining('left alone') };
    expect(await server.check(activeDirectory(b))).toMatchObject({ result: { compatible: false, ...refused } });
    expect(await server.tryUpdate(activeDirectory(b))).toMatchObject({ ok: false, error: refused });
    expect((await b.computers()).find((each) => each.dn === dn)).toEqual(before);
    expect(await server.describe()).toMatchObject({ healthy: true, details: { domain: 'a.test' } });
    await server.remove(activeDirectory(a));
  });

  test('tells what is left behind when nobody may remove it', async () => {
    const server = rig.server('10.77.0.105');
    await server.create(activeDirectory(a));
    const { password: _gone, ...withoutPassword } = activeDirectory(a);
    const { warnings } = await server.update(activeDirectory(b), { currentService: withoutPassword });
    const message = expect.stringContaining(`CN=${server.server.hostname},OU=Servers,${a.baseDN}`);
    expect(warnings).toEqual([{ reason: 'MachineAccountLeft', message }]);
    // It is ours still: who comes back uses it.
    const back = await server.update(activeDirectory(a), { currentService: activeDirectory(b) });
    expect(back).toMatchObject({ warnings: [] });
    expect(await accountsOf(a, server)).toHaveLength(1);
    await server.remove(activeDirectory(a));
  });
});

describe('check', () => {
  let server: DirectoryServer;

  beforeAll(async () => {
    server = rig.server('10.77.0.106');
    await server.create(activeDirectory(a));
    await server.allow('alice');
  });

  const refusals: readonly [string, Readonly<Record<string, unknown>>, string, string][] = [
    ['a wrong password', { password: 'wrong' }, 'PasswordRefused', "password of 'joiner' refused by 10.77.0.12"],
    ['an unknown account', { user: 'nobody' }, 'AccountUnknown', "no account 'nobody'"],
    ['an unknown OU', { ou: 'Nowhere' }, 'OrganizationalUnitNotFound', 'OU=Nowhere,DC=b,DC=test'],
    [
      'an OU without the right',
      { ou: 'Others' },
      'MachineAccountNotAllowed',
      "'joiner' may not create computer accounts",
    ],
    ['no right in the default container', { ou: '' }, 'MachineAccountNotAllowed', 'CN=Computers,DC=b,DC=test'],
    ['a name server of another domain', { dnsIPs: ['10.77.0.11'] }, 'DomainNotFound', 'name server 10.77.0.11'],
    ['an unknown site', { defaultADSite: 'Mars' }, 'DomainNotFound', 'in site Mars'],
    ['a controller of another domain', { servers: ['10.77.0.11'] }, 'DomainUnknown', '10.77.0.11'],
    ['loopback as a name server', { dnsIPs: ['127.0.0.1'] }, 'AddressDenied', 'a loopback address'],
    ['loopback as a controller', { servers: ['127.0.0.1'] }, 'AddressDenied', 'a loopback address'],
    ['link-local, written as IPv6', { servers: ['::ffff:169.254.169.254'] }, 'AddressDenied', 'a link-local address'],
    ['a denied range', { servers: ['10.96.0.1'] }, 'AddressDenied', 'in a range that this backend denies'],
    ['a path as a user', { user: '-c/etc/passwd' }, 'SecurityServiceInvalid', 'user must be'],
    ['another realm', { user: 'joiner@a.test' }, 'SecurityServiceInvalid', "an account of 'a.test'"],
    ['another domain', { user: 'ADA\\joiner' }, 'SecurityServiceInvalid', "an account of 'ADA'"],
    ['another domain by its DNS name', { user: 'a.test\\joiner' }, 'SecurityServiceInvalid', "an account of 'a.test'"],
    ['an OU with "+"', { ou: 'OU=A + B #1' }, 'SecurityServiceInvalid', '(at character 6)'],
    ['an OU in quotes', { ou: 'OU="Servers"' }, 'SecurityServiceInvalid', 'values in quotes'],
    ['an OU of another domain', { ou: 'OU=Servers;DC=a;DC=test' }, 'SecurityServiceInvalid', 'ou is in DC=a,DC=test'],
    [
      'an OU that is a user',
      { ou: 'CN=joiner,CN=Users' },
      'MachineAccountNotAllowed',
      'CN=joiner,CN=Users,DC=b,DC=test',
    ],
    ['two lines as a password', { password: 'a\nb' }, 'SecurityServiceInvalid', 'one line'],
    ['a line break in the OU', { ou: 'Servers\ndn: x' }, 'SecurityServiceInvalid', 'one line'],
    ['a domain that is no name', { domain: 'b.test;reboot' }, 'SecurityServiceInvalid', 'DNS name'],
  ];

  test.each(refusals)('refuses %s, and nothing changes', async (_what, wrong, reason, words) => {
    const service = activeDirectory(b, wrong);
    const before = [await b.computers(), await server.inside(['md5sum', '/etc/samba/smb.conf', '/etc/resolv.conf'])];
    const message = expect.stringContaining(words);
    expect(await server.check(service)).toMatchObject({ result: { compatible: false, reason, message } });
    const after = [await b.computers(), await server.inside(['md5sum', '/etc/samba/smb.conf', '/etc/resolv.conf'])];
    expect(after).toEqual(before);
    expect(await server.inside(['ls', '/var/lib/samba/private'])).not.toContain('trial');
  });

  test('refuses an address that DNS gives', async () => {
    await b.addRecord('evil', '127.0.0.1');
    const message = expect.stringContaining('127.0.0.1 of evil.b.test is a loopback address');
    expect(await server.check(activeDirectory(b, { servers: ['evil.b.test'] }))).toMatchObject({
      result: { compatible: false, reason: 'AddressDenied', message },
    });
  });

  test.each([
    'OU=Servers, DC=b, DC=test',
    'ou=servers;dc=B;dc=TEST',
    '2.5.4.11=Servers',
    'OU=#0C0753657276657273',
    'b.test/Servers',
    '/Servers/',
  ])('finds the OU %s', async (ou) => {
    expect(await server.check(activeDirectory(b, { ou }))).toMatchObject({ result: { compatible: true } });
  });

  test.each(['ADB\\joiner', 'adb\\joiner', 'b.test\\joiner', 'joiner@B.TEST'])('takes the account %s', async (user) => {
    expect(await server.check(activeDirectory(b, { user }))).toMatchObject({ result: { compatible: true } });
  });

  test('takes a controller whose name ends with a dot', async () => {
    await b.addRecord('dotted', b.address);
    const service = activeDirectory(b, { servers: ['dotted.b.test.'], domain: 'b.test.' });
    expect(await server.check(service)).toMatchObject({ result: { compatible: true } });
  });

  test('takes the controllers of a site', async () => {
    const service = activeDirectory(b, { defaultADSite: 'Default-First-Site-Name' });
    expect(await server.check(service)).toMatchObject({ result: { compatible: true } });
  });

  test('can not tell while no name server answers', async () => {
    const answer = await server.check(activeDirectory(b, { dnsIPs: ['10.77.0.99'] }));
    expect(answer).toMatchObject({ ok: false, error: { kind: 'Unavailable', reason: 'NameServerNotAnswering' } });
  });

  test('refuses LDAP besides it', async () => {
    const ldap = { id: 'l', name: 'l', type: 'ldap', servers: ['10.77.0.13'], user: 'cn=x,dc=y', password: 'z' };
    const reason = 'SecurityServiceCombinationNotSupported';
    expect(await server.check(ldap)).toMatchObject({ result: { compatible: false, reason } });
  });
});
