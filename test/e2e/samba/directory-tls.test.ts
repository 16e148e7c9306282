import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../../faults/eventually.ts';
import { type LDAPLab, startLDAP } from '../../labs/ldap/ldap-lab.ts';
import { DirectoryServer } from './directory-rig.ts';
import { startHost } from './host-calls.ts';

const { lab: hosts, host, calls } = await startHost();
const { segment } = hosts;
const server = new DirectoryServer(hosts, host, calls, '10.77.0.131');
let ldap: LDAPLab;
let other: LDAPLab;
let certificate: string;

beforeAll(async () => {
  ldap = await startLDAP({ segment, tls: true, names: ['ldap.corp.test'] });
  other = await startLDAP({ segment, address: '10.77.0.14/24', suffix: 'dc=other,dc=test', domain: 'OTHER' });
  certificate = await ldap.certificate();
  const { address } = ldap;
  await other.serveNames({ 'ldap.corp.test': address, 'wrong.corp.test': address, 'plain.corp.test': other.address });
  await server.create();
});

afterAll(async () => {
  await ldap?.stop();
  await other?.stop();
});

type Members = Readonly<Record<string, unknown>>;

/** A service for the directory that is verified, with more or other members. */
function service(servers: readonly string[], tls: Members = { caBundle: certificate }, more: Members = {}) {
  const account = { user: ldap.bindDN, password: ldap.bindPassword };
  return { id: 'id-tls', name: 'users', type: 'ldap', dnsIPs: [other.address], servers, tls, ...account, ...more };
}

const opportunistic = () => ({ mode: 'Opportunistic', caBundle: certificate });
const ofOther = () => ({ user: other.bindDN, password: other.bindPassword });

async function asLena(): Promise<string> {
  const login = { address: server.address, share: server.share.name, user: 'lena', password: 'Lena-Passw0rd!' };
  const { stdout, stderr } = await hosts.client.run(login, 'ls');
  return stdout + stderr;
}

test.each<[string, () => Members, string, string]>([
  ['an unknown authority', () => service(['ldap.corp.test'], {}), 'LDAPCertificateUntrusted', 'tls.caBundle'],
  [
    'an unknown authority of ldaps',
    () => service(['ldaps://ldap.corp.test'], { mode: 'Opportunistic' }),
    'LDAPCertificateUntrusted',
    'always verified',
  ],
  [
    'a certificate for another name',
    () => service(['wrong.corp.test']),
    'LDAPCertificateNameMismatch',
    'not for wrong',
  ],
  [
    'a certificate of ldaps for another name',
    () => service(['ldaps://wrong.corp.test'], opportunistic()),
    'LDAPCertificateNameMismatch',
    'not for wrong.corp.test',
  ],
  [
    'a server without StartTLS',
    () => service(['plain.corp.test'], undefined, ofOther()),
    'LDAPStartTLSRefused',
    'tls.mode Opportunistic',
  ],
  ['both schemes', () => service(['ldap.corp.test', 'ldaps://ldap.corp.test']), 'SecurityServiceInvalid', 'all ldap'],
  ['a number as a name', () => service(['127.1']), 'SecurityServiceInvalid', 'servers must be'],
  ['a bundle that is none', () => service(['ldap.corp.test'], { caBundle: 'x' }), 'SecurityServiceInvalid', 'PEM'],
])('check refuses %s', async (_what, given, reason, words) => {
  const refusal = { compatible: false, reason, message: expect.stringContaining(words) };
  expect(await server.check(given())).toMatchObject({ result: refusal });
});

test('without verification a warning tells what is missing', async () => {
  const fresh = new DirectoryServer(hosts, hosts.host, calls, '10.77.0.132');
  const { warnings } = await fresh.create(service(['wrong.corp.test'], opportunistic()));
  expect(warnings).toMatchObject([{ reason: 'LDAPNotVerified' }]);
  const plain = service(['plain.corp.test'], opportunistic(), ofOther());
  expect(await fresh.update(plain)).toMatchObject({ warnings: [{ reason: 'LDAPNotEncrypted' }] });
  // What the other tests rely on: the impostor keeps a password that it is sent.
  await ldap.startImpostor({ tls: false });
  await fresh.check(service(['ldap.corp.test'], opportunistic()));
  expect(await ldap.sentToImpostor()).toContain(ldap.bindPassword);
  await ldap.startImpostor({ tls: true });
  await fresh.check(service(['ldap.corp.test'], { mode: 'Opportunistic' }));
  expect(await ldap.sentToImpostor()).toContain(ldap.bindPassword);
  await ldap.stopServer();
  await ldap.startServer();
  await fresh.remove();
});

test.each(['ldap.corp.test', 'ldaps://ldap.corp.test'])('%s is verified by its name', async (name) => {
  expect(await server.update(service([name]))).toMatchObject({ warnings: [] });
  await server.allow('lena');
  expect(await asLena()).toContain('blocks');
  expect(await server.inside(['getent', 'passwd', 'luis'])).toContain(':5002:');
  expect(await server.describe()).toMatchObject({ healthy: true });
  const unchanged = { result: { impact: { disruptsSessions: false, estimatedSeconds: 0 } } };
  expect(await server.check(service([name]))).toMatchObject(unchanged);
});

test('an impostor gets no password of a server that was verified', async () => {
  await server.update(service(['ldap.corp.test']));
  for (const [tls, reason] of [
    [true, 'LDAPCertificateUntrusted'],
    [false, 'LDAPStartTLSRefused'],
  ] as const) {
    await ldap.startImpostor({ tls });
    expect(await server.describe()).toMatchObject({ healthy: false, reason });
    for (const mode of ['Required', 'Opportunistic']) {
      const refused = { ok: false, error: { kind: 'Rejected', reason } };
      expect(await server.tryUpdate(service(['ldap.corp.test'], { mode, caBundle: certificate }))).toMatchObject(
        refused,
      );
    }
    // A log-in, and a name that no cache has: smbd and nslcd ask too.
    if (tls) expect(await asLena()).toContain('NT_STATUS_');
    await expect(server.inside(['getent', 'passwd', `x${reason}`])).rejects.toThrow('getent');
    const sent = await ldap.sentToImpostor();
    expect(sent).toContain('connection');
    expect(sent).not.toContain(ldap.bindPassword);
  }
  await ldap.stopServer();
  await ldap.startServer();
  expect(await server.update(service(['ldap.corp.test']))).toMatchObject({ warnings: [] });
  // nslcd pauses between its attempts.
  await eventually('lena gets in again', async () => (await asLena()).includes('blocks'), 60_000);
});
