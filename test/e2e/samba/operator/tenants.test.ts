import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { activeDirectory, passwordSecret } from '../../../integration/manifests.ts';
import { TestCluster } from '../../../integration/test-cluster.ts';
import { SupervisedPrograms } from '../../../kube/supervised-programs.ts';
import { startDomain, type TestDomain } from '../../../labs/ad/domain.ts';
import { Machine, type Segment, startSegment } from '../../../labs/machine/machine.ts';
import { SambaClient } from '../../../labs/samba-host/samba-client.ts';
import { type SambaHost, type SambaHostLab, startSambaHosts } from '../../../labs/samba-host/samba-host.ts';
import { makeBackend, TenantStage } from './stage.ts';

const name = 'share-0';
const smbPort = 445;
const secondRoot = '/srv/two';

/** A network with a domain controller and a client, at the addresses that the other one has too. */
interface Site {
  readonly programs: SupervisedPrograms;
  readonly segment: Segment;
  readonly domain: TestDomain;
}

async function startSite(site: string): Promise<Site> {
  const programs = await SupervisedPrograms.open();
  try {
    const segment = await startSegment(programs);
    const domain = await startDomain(programs, segment, {
      name: 'a.test',
      netbiosName: 'ADA',
      address: '10.77.0.11/24',
      users: [{ name: 'alice', password: `Alice-Passw0rd!-${site}` }],
      groups: [],
      organizationalUnits: ['Servers'],
      joinAccounts: [{ name: 'joiner', password: `Join-Passw0rd!-${site}`, organizationalUnit: 'Servers' }],
    });
    return { programs, segment, domain };
  } catch (error) {
    await programs.close();
    throw error;
  }
}

describe('two tenants on one host, with a domain of the same name on different networks', () => {
  let sites: readonly [Site, Site];
  let hosts: SambaHostLab;
  let host: SambaHost;
  let cluster: TestCluster;
  let clients: readonly [SambaClient, SambaClient];
  let tenants: readonly [TenantStage, TenantStage];

  beforeAll(async () => {
    sites = await Promise.all([startSite('one'), startSite('two')]);
    const [one, two] = sites;
    hosts = await startSambaHosts({ segment: one.segment });
    host = hosts.host;
    const bridge = await host.addBridge(two.segment);
    const place = { name: 'client', address: '10.77.0.30/24', segment: two.segment, privateFolders: [] };
    clients = [hosts.client, new SambaClient(await Machine.start(two.programs, place))];
    cluster = await TestCluster.start();
    await cluster.startOperator();
    await makeBackend(cluster, 'one', hosts);
    await host.machine.succeed(['mkdir', secondRoot]);
    await makeBackend(cluster, 'two', hosts, { host: { root: secondRoot, interface: bridge } });
    tenants = [
      await makeTenant('one', clients[0], '10.77.0.100-10.77.0.109'),
      await makeTenant('two', clients[1], '10.77.0.110-10.77.0.119'),
    ];
    for (const [index, tenant] of tenants.entries()) {
      const domain = sites[index]?.domain;
      if (domain === undefined) continue;
      const { namespace } = tenant;
      await cluster.apply(passwordSecret(namespace, 'corp-password', domain.password('joiner')));
      const spec = { dnsIPs: [domain.address], domain: domain.name, user: 'joiner', ou: 'OU=Servers' };
      await cluster.apply(activeDirectory(namespace, 'corp', spec));
      await tenant.refer('corp');
      await cluster.apply(tenant.shareManifest(name));
    }
    for (const tenant of tenants) await tenant.allow(name, 'alice');
  }, 400_000);

  afterAll(async () => {
    await cluster?.stop();
    await hosts?.stop();
    for (const { domain, programs } of sites ?? []) {
      await domain.controller.stop();
      await programs.close();
    }
  }, 60_000);

  async function makeTenant(backendName: string, client: SambaClient, range: string): Promise<TenantStage> {
    const subnets = [
      { name: 'default', networkType: 'flat', cidr: '10.77.0.0/24', allocationRanges: [range] },
    ] as const;
    return new TenantStage({ cluster, client, backendName }, await cluster.namespace(), { subnets });
  }

  /** Whether the SMB or LDAP port of an address answers inside the share server of a tenant. */
  async function reaches(tenant: TenantStage, root: string, address: string, port: number): Promise<boolean> {
    const [server] = await tenant.servers();
    const id = server?.status?.identifier?.split('/')[1] ?? '';
    const probe = ['timeout', '5', 'bash', '-c', `: </dev/tcp/${address}/${port}`];
    return (await host.inServer(id, probe, '', root)).code === 0;
  }

  test('each logs in with its own users alone, and sees its own share alone', { timeout: 120_000 }, async () => {
    const [one, two] = tenants;
    const sids = await Promise.all(tenants.map(async (tenant) => (await tenant.servers())[0]?.status?.backendDetails));
    expect(sids[0]?.domainSID).toMatch(/^S-1-5-21-/);
    expect(sids[0]?.domain).toBe(sids[1]?.domain);
    expect(sids[0]?.domainSID).not.toBe(sids[1]?.domainSID);
    for (const [tenant, own, other, client] of [
      [one, sites[0].domain, sites[1].domain, clients[0]],
      [two, sites[1].domain, sites[0].domain, clients[1]],
    ] as const) {
      const { namespace } = tenant;
      expect(await tenant.smbclient(name, own, 'alice', `mkdir ${namespace}`)).toMatchObject({ ok: true });
      const { output } = await tenant.smbclient(name, own, 'alice', 'ls');
      expect(output.match(/team-\d/g)).toEqual([namespace]);
      expect(await tenant.smbclient(name, other, 'alice', 'ls')).toMatchObject({
        ok: false,
        output: expect.stringContaining('NT_STATUS_LOGON_FAILURE'),
      });
      const { address, share, user, password } = await tenant.login(name, own, 'alice');
      const list = ['smbclient', '-g', '-L', address, '-U', user, '--use-kerberos=off'];
      const { stdout } = await client.machine.run(list, { env: { PASSWD: password } });
      expect(stdout.match(/(?<=^Disk\|)[^|]+/gm)).toEqual([share]);
      expect((await own.computers()).filter(({ disabled }) => !disabled)).toHaveLength(1);
    }
  });

  test('neither reaches the share server of the other, by its own client or from inside its own server', {
    timeout: 120_000,
  }, async () => {
    const [one, two] = tenants;
    const ofOne = await one.login(name, sites[0].domain, 'alice');
    const ofTwo = await two.login(name, sites[1].domain, 'alice');
    expect(ofOne.address).not.toBe(ofTwo.address);
    for (const [client, own, other] of [
      [clients[0], ofOne, ofTwo],
      [clients[1], ofTwo, ofOne],
    ] as const) {
      expect(await client.run(own, 'ls')).toMatchObject({ code: 0 });
      const { code, stdout, stderr } = await client.run(other, 'ls');
      expect(code).not.toBe(0);
      expect(stdout + stderr).toMatch(/NT_STATUS_(HOST_UNREACHABLE|IO_TIMEOUT)/);
    }
    const controller = sites[0].domain.address;
    for (const [tenant, root, other] of [
      [one, host.root, ofTwo],
      [two, secondRoot, ofOne],
    ] as const) {
      expect(await reaches(tenant, root, controller, smbPort)).toBe(true);
      expect(await reaches(tenant, root, other.address, smbPort)).toBe(false);
    }
  });
});
