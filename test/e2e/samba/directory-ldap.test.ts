import { afterAll, beforeAll, expect, test } from 'vitest';
import { ntHash } from '../../labs/ldap/directory-ldif.ts';
import { type LDAPLab, startLDAP } from '../../labs/ldap/ldap-lab.ts';
import { DirectoryServer } from './directory-rig.ts';
import { startHost } from './host-calls.ts';

const { lab: hosts, host, calls } = await startHost();
const { segment } = hosts;
const server = new DirectoryServer(hosts, host, calls, '10.77.0.121');
let first: LDAPLab;
let second: LDAPLab;

beforeAll(async () => {
  first = await startLDAP({ segment });
  second = await startLDAP({
    ...{ segment, address: '10.77.0.14/24', suffix: 'dc=other,dc=test', domain: 'OTHER', tls: true },
    users: [{ name: 'olga', password: 'Olga-Passw0rd!', uidNumber: 6001 }],
  });
  await server.create();
});

afterAll(async () => {
  await first?.stop();
  await second?.stop();
});

function ldap(lab: LDAPLab, more: Readonly<Record<string, unknown>> = {}) {
  const account = { user: lab.bindDN, password: lab.bindPassword };
  const tls = { mode: 'Opportunistic' };
  return { id: `id-${lab.suffix}`, name: 'users', type: 'ldap', servers: [lab.address], tls, ...account, ...more };
}

async function as(lab: LDAPLab, user: string, commands: string): Promise<string> {
  const password = lab.users.find(({ name }) => name === user)?.password ?? '';
  const login = { address: server.address, share: server.share.name, user, password };
  const { stdout, stderr } = await hosts.client.run(login, commands);
  return stdout + stderr;
}

test('LDAP is added to a standalone server, and its users get in', async () => {
  expect(await server.check(ldap(first))).toMatchObject({ result: { compatible: true } });
  const { details, warnings } = await server.update(ldap(first));
  expect(details).toMatchObject({ directory: 'ldap', workgroup: 'CORP', ldapSuffix: 'dc=corp,dc=test' });
  expect(warnings).toMatchObject([{ reason: 'LDAPNotEncrypted' }]);
  await server.allow('lena');
  expect(await as(first, 'lena', 'put /etc/hostname of-lena')).toContain('putting file');
  expect(await as(first, 'luis', 'ls')).toContain('NT_STATUS_ACCESS_DENIED');
  expect(await server.owner('of-lena')).toMatch(/^5001 /);
});

test.each([
  ['a wrong password', () => ldap(first, { password: 'wrong' }), "password of 'cn=samba,dc=corp,dc=test' refused"],
  ['an unknown account', () => ldap(first, { user: 'cn=nobody,dc=corp,dc=test' }), 'LDAP result 49'],
  ['a user that is no name', () => ldap(first, { user: 'cn=samba,,dc=corp' }), 'a part is empty (at character 10)'],
  ['an OU that is no name', () => ldap(first, { ou: 'ou=a + b #1' }), 'ou is no distinguished name'],
  ['an OU that is not there', () => ldap(first, { ou: 'ou=nowhere' }), 'there is no ou=nowhere,dc=corp,dc=test'],
  ['loopback', () => ldap(first, { servers: ['ldap://127.0.0.1'] }), 'a loopback address'],
  ['another directory', () => ldap(first, { user: 'cn=samba,dc=nowhere' }), 'give ou'],
  ['a path in the URL', () => ldap(first, { servers: ['ldap://10.77.0.13/x?y'] }), 'servers must be'],
  ['a name without a name server', () => ldap(first, { servers: ['ldap.corp.test'] }), 'dnsIPs must name'],
])('check refuses %s', async (_what, service, words) => {
  const refusal = { compatible: false, message: expect.stringContaining(words) };
  expect(await server.check(service())).toMatchObject({ result: refusal });
});

test('a new bind password costs a moment, the same one nothing', async () => {
  await first.setBindPassword('Rotated-1!');
  const rotated = ldap(first, { password: 'Rotated-1!' });
  expect(await server.describe()).toMatchObject({ healthy: false, reason: 'DirectoryPasswordRefused' });
  expect(await server.check(rotated)).toMatchObject({ result: { impact: { disruptsSessions: true } } });
  await server.update(rotated);
  expect(await server.describe()).toMatchObject({ healthy: true });
  expect(await as(first, 'lena', 'ls')).toContain('of-lena');
  const unchanged = { result: { impact: { disruptsSessions: false, estimatedSeconds: 0 } } };
  expect(await server.check(rotated)).toMatchObject(unchanged);
  const spelled = ldap(first, { ...rotated, user: 'CN = samba; DC=Corp; DC=Test', ou: 'DC=CORP, DC=TEST' });
  expect(await server.check(spelled)).toMatchObject(unchanged);
  const pids = () => server.inside(['pgrep', '-o', 'smbd']);
  const before = await pids();
  await server.update(rotated);
  expect(await pids()).toBe(before);
  await first.setBindPassword(first.bindPassword);
  await server.update(ldap(first));
});

test('a directory that stops between check and update leaves the old one in force', async () => {
  await second.stopServer();
  const refused = { kind: 'Unavailable', reason: 'LDAPServerNotAnswering' };
  expect(await server.tryUpdate(ldap(second))).toMatchObject({ ok: false, error: refused });
  expect(await as(first, 'lena', 'ls')).toContain('of-lena');
  await second.startServer();
});

test('another directory replaces it, encrypted, and the old users are refused', async () => {
  const { warnings } = await server.update(ldap(second), { currentService: ldap(first) });
  expect(warnings).toMatchObject([{ reason: 'LDAPNotVerified' }]);
  await server.allow('olga');
  expect(await as(second, 'olga', 'ls')).toContain('of-lena');
  expect(await as(first, 'lena', 'ls')).toContain('NT_STATUS_LOGON_FAILURE');
});

test('no directory can name root a user of its own', async () => {
  const root = ['uid: wurzel', 'cn: wurzel', 'uidNumber: 0', 'gidNumber: 0', 'homeDirectory: /'];
  const classes = ['account', 'posixAccount'].map((name) => `objectClass: ${name}`);
  await second.modify(
    [`dn: uid=wurzel,ou=people,${second.suffix}`, 'changetype: add', ...classes, ...root, ''].join('\n'),
  );
  await expect(server.inside(['getent', 'passwd', 'wurzel'])).rejects.toThrow('getent');
  await expect(server.inside(['getent', 'passwd', 'olga'])).resolves.toContain(':6001:6001:');
});

const sid = 'S-1-5-21-1000000001-1000000002-1000000003';
const lateUser = 'Root-1!';

/** Adds an entry to the second directory. */
async function add(rdn: string, classes: readonly string[], ...attributes: readonly string[]): Promise<void> {
  const lines = [`dn: ${rdn},${second.suffix}`, 'changetype: add', ...classes.map((name) => `objectClass: ${name}`)];
  await second.modify([...lines, ...attributes, ''].join('\n'));
}

/** A user of the second directory without a group of their own. @returns its SID */
async function addUser(uid: string, uidNumber: number, gidNumber: number): Promise<string> {
  const userSID = `${sid}-${uidNumber * 2 + 9000}`;
  await add(
    `uid=${uid},ou=people`,
    ['inetOrgPerson', 'posixAccount', 'sambaSamAccount'],
    ...[`cn: ${uid}`, `sn: ${uid}`, `uid: ${uid}`, 'homeDirectory: /nonexistent', `sambaSID: ${userSID}`],
    ...[`uidNumber: ${uidNumber}`, `gidNumber: ${gidNumber}`, 'sambaAcctFlags: [U          ]'],
    ...[`sambaNTPassword: ${await ntHash(lateUser)}`, 'sambaPwdLastSet: 1700000000'],
  );
  return userSID;
}

async function addGroup(cn: string, gidNumber: number, classes: readonly string[], ...members: readonly string[]) {
  await add(`cn=${cn},ou=groups`, ['posixGroup', ...classes], `cn: ${cn}`, `gidNumber: ${gidNumber}`, ...members);
}

test('an entry named root, and users of groups with numbers of a system, get nowhere', async () => {
  await addUser('root', 6001, 6001);
  await addUser('gero', 7001, 0);
  await addUser('prima', 7002, 100);
  await addUser('secunda', 7003, 7003);
  await addGroup('sudo', 27, [], 'memberUid: secunda');
  await addUser('tertia', 7004, 7004);
  // As RFC 2307bis has members.
  await addGroup('disk', 6, ['extensibleObject'], `member: uid=tertia,ou=people,${second.suffix}`);
  // Samba alone reads these members.
  const quarta = await addUser('quarta', 7005, 7005);
  const alias = [`sambaSID: ${sid}-4242`, 'sambaGroupType: 4', `sambaSIDList: ${quarta}`];
  await addGroup('shadow', 999, ['sambaGroupMapping'], ...alias);
  await addUser('quinta', 7006, 1000);
  const users = ['root', 'gero', 'prima', 'secunda', 'tertia', 'quarta', 'quinta', 'olga'];
  await server.allow(...users);
  const tree = async (user: string, share: string) => {
    const { stdout, stderr } = await hosts.client.run({ ...server, share, user, password: lateUser }, 'ls');
    return stdout + stderr;
  };
  for (const user of users.slice(0, -2)) {
    for (const share of [server.share.name, 'IPC$']) {
      expect(await tree(user, share), `${user} ${share}`).toContain('tree connect failed: NT_STATUS_ACCESS_DENIED');
    }
  }
  expect(await tree('quinta', server.share.name)).toContain('of-lena');
  expect(await as(second, 'olga', 'ls')).toContain('of-lena');
});

test('no rule names a user or group with a number of a system', async () => {
  const unknown = expect.objectContaining({ state: 'error', reason: 'AccessToUnknown' });
  const given = await server.allow('root', '+root', '+sudo', '+disk', 'quinta', 'olga');
  expect(given).toEqual({
    ...{ 'rule-root': unknown, 'rule--root': unknown, 'rule--sudo': unknown, 'rule--disk': unknown },
    ...{ 'rule-quinta': {}, 'rule-olga': {} },
  });
});

test.each(['winreg', 'spoolss'])('the pipe %s has no server', async (pipe) => {
  const { user, password } = { user: 'olga', password: 'Olga-Passw0rd!' };
  const login = { address: server.address, share: 'IPC$', user, password };
  const { stdout, stderr } = await hosts.client.run(login, `open ${pipe}`);
  expect(stdout + stderr).toContain('NT_STATUS_OBJECT_NAME_NOT_FOUND');
  // What clients need of the others is there.
  expect((await hosts.client.run(login, 'open srvsvc')).stdout).toContain('open file');
});

test('Active Directory besides it is refused', async () => {
  const ad = { id: 'x', name: 'x', type: 'active_directory', dnsIPs: ['10.77.0.11'], domain: 'a.test' };
  const answer = await server.check({ ...ad, user: 'joiner', password: 'x' });
  expect(answer).toMatchObject({ result: { reason: 'SecurityServiceCombinationNotSupported' } });
});

test('the server can be removed', async () => {
  expect(await server.remove(ldap(second))).toEqual({ warnings: [] });
});
