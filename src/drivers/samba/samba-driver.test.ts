import ssh2 from 'ssh2';
import { beforeEach, expect, test } from 'vitest';
import { freePort } from '../../../test/kube/free-port.ts';
import type { CallContext, Driver, DriverLogger, DriverServer, DriverShare } from '../driver.ts';
import { DriverError } from '../errors.ts';
import { sambaConfigSchema } from './config.ts';
import { sambaDriver } from './module.ts';

const silent: DriverLogger = { debug() {}, info() {}, warn() {}, error() {} };
const { private: privateKey, public: hostKey } = ssh2.utils.generateKeyPairSync('ed25519');
const { private: protectedKey } = ssh2.utils.generateKeyPairSync('ed25519', {
  passphrase: 'word',
  rounds: 16,
  cipher: 'aes256-ctr',
});

/** What the driver says while no host answers. */
let driver: Driver;

beforeEach(async () => {
  driver = await open({ sshPrivateKey: privateKey });
  return () => driver.close();
});

async function open(credentials: Record<string, string>): Promise<Driver> {
  const port = await freePort();
  const host = { address: '127.0.0.1', port, hostKey, root: '/srv/sharenet', interface: 'br0' };
  const hosts = ['filer-a', 'filer-b'].map((name) => ({ ...host, name }));
  const config = sambaConfigSchema.parse({ hosts, credentialsSecretName: 'filers' });
  return sambaDriver.createDriver({ backendName: 'b', config, credentials, installationID: 'i', logger: silent });
}

const context: CallContext = {
  signal: new AbortController().signal,
  logger: silent,
  operation: { id: 'operation', attempt: 1 },
  installationID: 'installation',
  tenant: { namespace: 'team-a', namespaceUID: 'uid' },
};
const allocation = { ipAddress: '10.0.0.9', prefixLength: 24, networkType: 'flat', subnetName: 'a' } as const;
const server: DriverServer = {
  id: 'server-1',
  name: 'server',
  hostname: 'SN-1',
  backendDetails: {},
  backendSecrets: {},
  allocations: [allocation],
};
const network = { id: 'network', name: 'network', subnets: [], allocations: [allocation] };
const share: DriverShare = { id: 'share-1', name: 'share', protocol: 'CIFS', size: 1, exportLocations: [] };
const setup = { server, network, securityServices: [] };
const onA = { ...server, identifier: 'filer-a/server-1' };

async function failure(call: () => Promise<unknown>): Promise<DriverError> {
  const thrown: unknown = await call().catch((error: unknown) => error);
  if (thrown instanceof DriverError) return thrown;
  throw new Error(`not a DriverError: ${String(thrown)}`);
}

test('the backend is unavailable when no host answers, and says how many', async () => {
  const error = await failure(() => driver.getCapabilities(context));
  expect(error).toMatchObject({ kind: 'Unavailable', reason: 'HostUnreachable' });
  expect(error.message).toMatch(/^host filer-a .* and 1 more of 2 hosts are not fit$/);
});

test('a server is set up nowhere while no host answers', async () => {
  expect(await failure(() => driver.setupServer(setup, context))).toMatchObject({
    kind: 'Unavailable',
    reason: 'HostUnreachable',
    partial: undefined,
  });
});

test('a set-up that was begun on a host is not begun on another, and the tear-down will find it', async () => {
  const operation = { ...context.operation, token: 'host:filer-b' };
  expect(await failure(() => driver.setupServer(setup, { ...context, operation }))).toMatchObject({
    kind: 'Unavailable',
    message: expect.stringContaining('host filer-b'),
    partial: { identifier: 'filer-b/server-1', backendDetails: { host: 'filer-b' } },
  });
});

test('a server whose host is not known is not taken for gone while a host does not answer', async () => {
  expect(await failure(() => driver.teardownServer(setup, context))).toMatchObject({ kind: 'Unavailable' });
});

test('a server without an address is refused', async () => {
  const request = { ...setup, server: { ...server, allocations: [] } };
  expect(await failure(() => driver.setupServer(request, context))).toMatchObject({
    kind: 'Rejected',
    reason: 'NetworkAllocationMissing',
  });
});

test('what is on a host that does not answer waits, and the host is named', async () => {
  const rules = { accessRules: [], addRules: [], updateRules: [], deleteRules: [] };
  const request = { share, server: onA };
  const service = { id: 's', name: 's', type: 'ldap' } as const;
  const change = { ...setup, server: onA, shares: [], accessRules: new Map(), newSecurityService: service };
  const calls: (() => Promise<unknown> | undefined)[] = [
    () => driver.ensureServer?.({ server: onA, network }, context),
    () => driver.createShare(request, context),
    () => driver.extendShare({ ...request, newSize: 2 }, context),
    () => driver.deleteShare(request, context),
    () => driver.ensureShare?.(request, context),
    () => driver.updateAccess({ ...request, ...rules }, context),
    () => driver.checkUpdateShareServerSecurityService?.(change, context),
    () => driver.updateShareServerSecurityService?.(change, context),
    () => driver.teardownServer({ ...setup, server: onA }, context),
  ];
  for (const call of calls) {
    const error = await failure(async () => await call());
    expect(error).toMatchObject({ kind: 'Unavailable', reason: 'HostUnreachable' });
    expect(error.message).toContain('host filer-a');
  }
});

test('a server on a host that was taken out of the configuration waits', async () => {
  const request = { share, server: { ...server, identifier: 'filer-z/server-1' } };
  const error = await failure(() => driver.deleteShare(request, context));
  expect(error).toMatchObject({ kind: 'Unavailable', reason: 'HostNotConfigured' });
  expect(error.message).toContain('filer-z');
});

test('what was never made is not there', async () => {
  expect(await driver.ensureServer?.({ server, network }, context)).toMatchObject({ exists: false });
  expect(await driver.deleteShare({ share, server }, context)).toEqual({});
  expect(await failure(() => driver.createShare({ share, server }, context))).toMatchObject({ kind: 'NotFound' });
});

test('shares need a server, and are CIFS', async () => {
  expect(await failure(() => driver.createShare({ share }, context))).toMatchObject({ reason: 'ShareServerMissing' });
  const nfs = { share: { ...share, protocol: 'NFS' as const }, server: onA };
  expect(await failure(() => driver.createShare(nfs, context))).toMatchObject({ reason: 'ShareProtocolNotSupported' });
});

test('each host needs a key, its own or that of all', async () => {
  for (const credentials of [{}, { sshPrivateKey: hostKey }, { 'filer-a.sshPrivateKey': privateKey }]) {
    const error = await failure(() => open(credentials));
    expect(error).toMatchObject({ kind: 'Rejected', reason: 'CredentialsInvalid' });
    expect(error.message).not.toContain('PRIVATE');
  }
  const faults: readonly (readonly [string, string])[] = [
    [hostKey, 'sshPrivateKey is a public key'],
    [protectedKey, 'sshPrivateKey is protected by a passphrase'],
    [privateKey.trim().replaceAll('\n', ' '), 'sshPrivateKey has lost its line breaks'],
    [privateKey.slice(0, 200), 'sshPrivateKey can not be read'],
    ['word', 'sshPrivateKey is not a private key'],
    [' \n', 'sshPrivateKey is missing'],
  ];
  for (const [sshPrivateKey, words] of faults) {
    expect((await failure(() => open({ sshPrivateKey }))).message).toContain(words);
  }
  await (await open({ sshPrivateKey: privateKey.replaceAll('\n', '\r\n') })).close();
  const both = { 'filer-a.sshPrivateKey': privateKey, 'filer-b.sshPrivateKey': privateKey };
  await (await open(both)).close();
});
