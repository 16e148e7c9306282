import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type {
  CallContext,
  Driver,
  DriverAccessRule,
  DriverLogger,
  DriverSecurityService,
  DriverServer,
  DriverShare,
} from '../../../../src/drivers/driver.ts';
import { InProgress } from '../../../../src/drivers/errors.ts';
import { sambaConfigSchema } from '../../../../src/drivers/samba/config.ts';
import { sambaDriver } from '../../../../src/drivers/samba/module.ts';
import { eventually } from '../../../faults/eventually.ts';
import { type LDAPLab, startLDAP } from '../../../labs/ldap/ldap-lab.ts';
import { type SambaHost, type SambaHostLab, startSambaHosts } from '../../../labs/samba-host/samba-host.ts';
import { hostConfigOf } from './test-hosts.ts';

const silent: DriverLogger = { debug() {}, info() {}, warn() {}, error() {} };
const installationID = randomUUID();
const tenant = { namespace: 'team-a', namespaceUID: randomUUID() };

let corp: LDAPLab;
let branch: LDAPLab;
let lab: SambaHostLab;
let host: SambaHost;
let driver: Driver;

beforeAll(async () => {
  corp = await startLDAP();
  const { segment } = corp;
  const users = [{ name: 'lena', password: 'Lena-of-branch!', uidNumber: 6001 }];
  const where = { segment, address: '10.77.0.14/24' };
  branch = await startLDAP({ ...where, suffix: 'dc=branch,dc=test', domain: 'BRANCH', users });
  lab = await startSambaHosts({ segment });
  host = lab.host;
  driver = await openDriver();
});

async function openDriver(deniedRanges: readonly string[] = []): Promise<Driver> {
  const hosts = [hostConfigOf(host)];
  return sambaDriver.createDriver({
    backendName: 'test',
    config: sambaConfigSchema.parse({ hosts, credentialsSecretName: 'hosts', standaloneServers: true, deniedRanges }),
    credentials: { sshPrivateKey: host.ssh.privateKey },
    installationID,
    logger: silent,
  });
}

afterAll(async () => {
  await driver?.close();
  await lab?.stop();
  await branch?.stop();
  await corp?.stop();
});

function context(token?: string): CallContext {
  return {
    signal: AbortSignal.timeout(60_000),
    logger: silent,
    operation: { id: randomUUID(), attempt: 1, ...(token === undefined ? {} : { token }) },
    installationID,
    tenant,
  };
}

function serviceOf(name: string, { address, bindDN, bindPassword }: LDAPLab): DriverSecurityService {
  const account = { user: bindDN, password: bindPassword };
  return { id: `service-${name}`, name, type: 'ldap', servers: [address], tls: { mode: 'Opportunistic' }, ...account };
}

async function setUp(ipAddress: string, ...securityServices: readonly DriverSecurityService[]) {
  const id = randomUUID();
  const allocations = [{ ipAddress, prefixLength: 24, networkType: 'flat', subnetName: 'lab' }] as const;
  const described = { id, name: `server-${id}`, hostname: `S${id.slice(0, 8).toUpperCase()}`, allocations };
  const network = { id: randomUUID(), name: 'network', subnets: [], allocations };
  let server: DriverServer = { ...described, backendDetails: {}, backendSecrets: {} };
  const request = { server, network, securityServices };
  const chosen: unknown = await driver.setupServer(request, context()).catch((error: unknown) => error);
  if (!(chosen instanceof InProgress)) throw chosen;
  const made = await driver.setupServer(request, context(chosen.token));
  server = { ...server, identifier: made.identifier, backendDetails: made.backendDetails };
  const shareID = randomUUID();
  const share: DriverShare = { id: shareID, name: 'share', protocol: 'CIFS', size: 2 ** 20, exportLocations: [] };
  await driver.createShare({ share, server }, context());
  const remove = async (...left: readonly DriverSecurityService[]) => {
    await driver.deleteShare({ share: { ...share, identifier: shareID }, server }, context());
    await driver.teardownServer({ server, network, securityServices: left }, context());
  };
  return { server, network, share, remove };
}

const ruleFor = (accessTo: string): DriverAccessRule => ({
  ...{ id: `rule-${accessTo}`, name: accessTo },
  ...{ accessType: 'user', accessTo, accessLevel: 'rw' },
});

test('a rule whose user the new directory does not have fails with the change; while that is down rules stay', async () => {
  const [before, after] = [serviceOf('corp', corp), serviceOf('branch', branch)];
  const { server, network, share, remove } = await setUp('10.77.0.150', before);
  const rules = ['lena', 'luis'].map(ruleFor);
  const access = { share, server, accessRules: rules, addRules: rules, updateRules: [], deleteRules: [] };
  const granted = await driver.updateAccess(access, context());
  expect([...granted]).toEqual(rules.map(({ id }) => [id, {}]));

  const { accessUpdates } =
    (await driver.updateShareServerSecurityService?.(
      {
        ...{ server, network, shares: [share], accessRules: new Map([[share.id, rules]]), securityServices: [before] },
        ...{ currentSecurityService: before, newSecurityService: after },
      },
      context(),
    )) ?? {};
  const unknown = { state: 'error', reason: expect.stringContaining('knows no such user or group') };
  expect(Object.fromEntries(accessUpdates?.get(share.id) ?? [])).toEqual({ 'rule-lena': {}, 'rule-luis': unknown });

  await branch.stopServer();
  const added = [...rules, ruleFor('otto')];
  const again = { ...access, accessRules: added, addRules: [ruleFor('otto')] };
  const silentNow = { state: 'error', reason: expect.stringContaining('try again later') };
  expect(Object.fromEntries(await driver.updateAccess(again, context()))).toEqual({
    'rule-lena': {},
    'rule-luis': silentNow,
    'rule-otto': silentNow,
  });
  await branch.startServer();
  await eventually('the directory is asked again', async () => {
    const updates = Object.fromEntries(await driver.updateAccess(again, context()));
    expect(updates['rule-lena']).toEqual({});
    return updates['rule-otto']?.reason?.includes('knows no such') === true;
  });
  await remove(after);
});

test('a server that is down after a reboot of its host is started when its health is checked', async () => {
  const { server, network, remove } = await setUp('10.77.0.151');
  await host.reboot();
  expect(await driver.ensureServer?.({ server, network }, context())).toMatchObject({ exists: true, healthy: true });
  await remove();
});

test('a server follows the denied ranges of its backend when it is looked after', async () => {
  const { server, network, remove } = await setUp('10.77.0.153');
  const route = async () => (await host.inServer(server.id, ['ip', 'route', 'get', '10.77.0.30'])).stderr;
  expect(await route()).toBe('');
  const changed = await openDriver(['10.77.0.30/32']);
  expect(await changed.ensureServer?.({ server, network }, context())).toMatchObject({ healthy: true });
  expect(await route()).toContain('Permission denied');
  await changed.close();
  // The host refuses the first look of a driver that a newer one of its backend has overtaken.
  await expect(driver.ensureServer?.({ server, network }, context())).rejects.toMatchObject({
    reason: 'CallerSuperseded',
  });
  expect(await driver.ensureServer?.({ server, network }, context())).toMatchObject({ healthy: true });
  expect(await route()).toBe('');
  await remove();
});

test('a server that can not be started says why', async () => {
  const { server, network, remove } = await setUp('10.77.0.152');
  await host.reboot();
  const other = await lab.addMachine('10.77.0.152/24');
  expect(await driver.ensureServer?.({ server, network }, context())).toMatchObject({
    exists: true,
    healthy: false,
    reason: expect.stringContaining('AddressInUse: the address 10.77.0.152 is already used'),
  });
  await other.stop();
  expect(await driver.ensureServer?.({ server, network }, context())).toMatchObject({ healthy: true });
  await remove();
});
