import { afterAll, beforeAll, expect, test } from 'vitest';
import { SupervisedPrograms } from '../../kube/supervised-programs.ts';
import { domainA } from '../../labs/ad/ad-lab.ts';
import { startDomain, type TestDomain } from '../../labs/ad/domain.ts';
import { activeDirectory, DirectoryServer, startTimeoutMs } from './directory-rig.ts';
import { startHost } from './host-calls.ts';

const { lab: hosts, host, calls } = await startHost();
const server = new DirectoryServer(hosts, host, calls, '10.77.0.131');
let programs: SupervisedPrograms;
let domain: TestDomain;

beforeAll(async () => {
  programs = await SupervisedPrograms.open();
  domain = await startDomain(programs, hosts.segment, domainA);
  await server.create(activeDirectory(domain));
  await domain.controller.succeed(['samba-tool', 'group', 'addmembers', 'Domain Admins', 'anna']);
  await server.allow('alice', 'anna');
}, startTimeoutMs);

afterAll(async () => {
  await domain?.controller.stop();
  await programs?.close();
});

/** What a program on a client says. It is logged in as the user, with the password in its environment. */
async function by(user: string, argv: readonly string[]): Promise<string> {
  const password = domain.password(user);
  const login = ['-U', `${domain.netbiosName}\\${user}`, '--use-kerberos=off'];
  const done = await hosts.client.machine.run([...argv, ...login], { env: { PASSWD: password } });
  return done.stdout + done.stderr;
}

test('every user sees the shares and looks names up', async () => {
  for (const user of ['alice', 'anna']) {
    expect(await by(user, ['smbclient', '-L', server.address])).toContain(server.share.name);
    const looked = await by(user, ['rpcclient', server.address, '-c', 'lookupnames ADA\\\\alice; netshareenumall']);
    expect(looked).toMatch(/alice S-1-5-21-\S+ \(User: 1\)/);
    expect(looked).toContain(`netname: ${server.share.name}`);
  }
});

test.each(['winreg', 'svcctl', 'initshutdown', 'eventlog', 'spoolss', 'netdfs'])(
  'an administrator of the domain finds no pipe %s',
  async (pipe) => {
    const login = { ...server.login(domain, 'anna'), share: 'IPC$' };
    const { stdout, stderr } = await hosts.client.run(login, `open ${pipe}`);
    expect(stdout + stderr).toContain('NT_STATUS_OBJECT_NAME_NOT_FOUND');
  },
);

test('an administrator of the domain makes and changes no share and no user, and is no root in a share', async () => {
  const on = ['-S', server.address];
  const before = await server.inside(['cat', '/etc/samba/smb.conf', '/etc/passwd']);
  for (const argv of [
    ['share', 'add', 'evil=/etc'],
    ['share', 'delete', server.share.name],
    ['user', 'add', 'evil', 'Evil-Passw0rd!'],
    ['shutdown'],
  ]) {
    await by('anna', ['net', 'rpc', ...argv, ...on]);
  }
  expect(await server.inside(['cat', '/etc/samba/smb.conf', '/etc/passwd'])).toBe(before);
  const shares = await by('alice', ['smbclient', '-L', server.address]);
  expect(shares).toContain(server.share.name);
  expect(shares).not.toContain('evil');
  expect(await server.as(domain, 'anna', 'put /etc/hostname of-anna')).toContain('putting file');
  expect(await server.owner('of-anna')).toMatch(/^3[0-9]{5} /);
});

test.each<[string, string | undefined, object?]>([
  ['a percent sign', '%U'],
  ['a section', '[global]'],
  // With such a name the controller itself refuses every login.
  ['more than it may have', 'A'.repeat(16), { ok: false, error: { reason: 'DirectoryNotAnswering' } }],
  ['the name of a domain of each member', 'BUILTIN'],
  ["the share server's own name", undefined],
])('a domain whose NetBIOS name is %s is refused, and nothing changes', async (_what, name, other) => {
  const dn = `CN=${domain.netbiosName},CN=Partitions,CN=Configuration,${domain.baseDN}`;
  const set = (value: string) =>
    domain.modify(
      `dn: ${dn}\nchangetype: modify\nreplace: nETBIOSName\nnETBIOSName:: ${Buffer.from(value).toString('base64')}\n`,
    );
  const files = () =>
    server.inside(['grep', '-r', '', '/etc/samba', '/etc/krb5.conf', '/etc/hosts', '/etc/resolv.conf']);
  const before = await files();
  await set(name ?? server.server.hostname);
  try {
    const reason = 'DomainInvalid';
    const service = activeDirectory(domain);
    expect(await server.check(service)).toMatchObject(other ?? { result: { compatible: false, reason } });
    expect(await server.tryUpdate(service)).toMatchObject(other ?? { ok: false, error: { kind: 'Rejected', reason } });
  } finally {
    await set(domain.netbiosName);
  }
  expect(await files()).toBe(before);
});
