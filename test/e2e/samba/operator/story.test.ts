import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { shareAccesses, shareServers, shares } from '../../../../src/api/v1alpha1/resource-types.ts';
import { access } from '../../../integration/manifests.ts';
import type { TestDomain } from '../../../labs/ad/domain.ts';
import { Stage, type TenantStage } from './stage.ts';

describe('share servers in use are moved from one domain to another', () => {
  let stage: Stage;
  let tenant: TenantStage;
  let a: TestDomain;
  let b: TestDomain;

  const names = ['share-0', 'share-1', 'share-2'] as const;

  beforeAll(async () => {
    stage = await Stage.open();
    ({ a, b } = stage.directories);
    tenant = await stage.tenant(names.length);
  }, 400_000);

  afterAll(async () => {
    await stage?.close();
  }, 60_000);

  test('three share servers are on two hosts, and a user of the domain writes on each share', {
    timeout: 200_000,
  }, async () => {
    const hosts = (await tenant.servers()).map(({ status }) => status?.identifier?.split('/')[0]);
    expect([...new Set(hosts)].sort()).toEqual(['host-0', 'host-1']);
    for (const name of names) {
      await tenant.allow(name, 'alice');
      expect(await tenant.smbclient(name, a, 'alice', 'mkdir from-a; ls')).toMatchObject({ ok: true });
    }
    expect(await tenant.smbclient('share-0', a, 'anna', 'ls')).toMatchObject({
      ok: false,
      output: expect.stringContaining('ACCESS_DENIED'),
    });
    expect((await a.computers()).filter(({ disabled }) => !disabled)).toHaveLength(3);
  });

  test('a wrong password is refused by the check, in words that say what is wrong, and nothing changes', {
    timeout: 200_000,
  }, async () => {
    const before = await tenant.servers();
    await stage.cluster.apply(...tenant.service('ad-typo', b, 'not-the-password'));
    await tenant.refer('ad-typo');
    const network = await tenant.network(
      'refused',
      ({ status }) =>
        status?.conditions?.some(({ type, status: holds }) => type === 'Stalled' && holds === 'True') === true,
    );
    const stalled = network.status?.conditions?.find(({ type }) => type === 'Stalled');
    expect(stalled?.reason).toBe('PasswordRefused');
    expect(stalled?.message).toMatch(/domain b\.test: .*password of 'joiner'.*refused/);
    expect(stalled?.message).not.toContain('not-the-password');
    expect(network.status?.phase).toBe('active');
    const shown = ({ status }: (typeof before)[number]) => [
      status?.phase,
      status?.backendDetails,
      status?.securityServices,
    ];
    expect((await tenant.servers()).map(shown)).toEqual(before.map(shown));
    expect(await tenant.smbclient('share-0', a, 'alice', 'ls')).toMatchObject({ ok: true });
    await tenant.refer('ad-a');
    await tenant.network(
      'as before',
      ({ status }) =>
        status?.conditions?.some(({ type, status: holds }) => type === 'Ready' && holds === 'True') === true,
    );
  });

  test('after an edit of the network users of the other domain write, those of the old are refused, and no share was made again', {
    timeout: 300_000,
  }, async () => {
    const sharesBefore = (await stage.cluster.client.list(shares, { namespace: tenant.namespace })).items;
    const serversBefore = await tenant.servers();
    await tenant.refer('ad-b');
    await tenant.network('network_change', ({ status }) => status?.phase === 'network_change');
    const network = await tenant.changed('Succeeded');
    expect(network.status?.securityServices?.map(({ name }) => name)).toEqual(['ad-b']);
    const identityOf = ({ metadata, status }: (typeof sharesBefore)[number]) => [
      metadata.uid,
      status?.identifier,
      status?.exportLocations,
    ];
    const sharesAfter = (await stage.cluster.client.list(shares, { namespace: tenant.namespace })).items;
    expect(sharesAfter.map(identityOf)).toEqual(sharesBefore.map(identityOf));
    const serversAfter = await tenant.servers();
    expect(serversAfter.map(({ status }) => status?.identifier)).toEqual(
      serversBefore.map(({ status }) => status?.identifier),
    );
    for (const { status } of serversAfter) {
      expect(status?.phase).toBe('active');
      expect(status?.backendDetails?.security_service_active_directory).toContain('b.test');
    }
    for (const name of names) {
      await tenant.allow(name, 'bella');
      const written = await tenant.smbclient(name, b, 'bella', 'mkdir from-b; ls');
      expect(written).toMatchObject({ ok: true, output: expect.stringContaining('from-a') });
      expect(written.output).toContain('from-b');
      expect(await tenant.smbclient(name, a, 'alice', 'ls')).toMatchObject({ ok: false });
    }
    expect((await b.computers()).filter(({ disabled }) => !disabled)).toHaveLength(3);
    expect((await a.computers()).filter(({ disabled }) => !disabled)).toEqual([]);
  });

  test('a short name, and one with its domain, give the user access; an unknown domain and a second spelling do not', {
    timeout: 200_000,
  }, async () => {
    await tenant.allow('share-0', 'bob');
    expect(await tenant.smbclient('share-0', b, 'bob', 'mkdir of-bob; ls')).toMatchObject({ ok: true });
    const rule = (name: string, shareName: string, accessTo: string) =>
      access(tenant.namespace, name, shareName, { accessType: 'user', accessTo });
    await stage.cluster.apply(
      rule('qualified', 'share-1', 'ADB\\bob'),
      rule('unknown', 'share-1', 'ADA\\alice'),
      rule('again', 'share-0', 'b.test\\BOB'),
    );
    const settled = (name: string, phase: string) =>
      stage.cluster.until(
        shareAccesses,
        { namespace: tenant.namespace, name },
        phase,
        ({ status }) => status?.phase === phase,
        60_000,
      );
    await settled('qualified', 'active');
    expect(await tenant.smbclient('share-1', b, 'bob', 'mkdir of-bob; ls')).toMatchObject({ ok: true });
    const reasonOf = async (name: string) =>
      (await settled(name, 'error')).status?.conditions?.find(({ type }) => type === 'Ready')?.message;
    expect(await reasonOf('unknown')).toContain('knows no such user');
    expect(await reasonOf('again')).toContain('ShareAccess share-0-bob already gives the same user access');
  });

  test('what is not needed any more is taken away, also in the domain', { timeout: 200_000 }, async () => {
    const names = (await tenant.servers()).map(({ metadata }) => metadata.name);
    await stage.cluster.kubectl('delete', `--namespace=${tenant.namespace}`, '--wait=false', 'shr', '--all');
    await stage.cluster.kubectl('delete', `--namespace=${tenant.namespace}`, '--wait=false', 'shnet', 'net');
    for (const name of names) {
      await stage.cluster.untilGone(shareServers, { namespace: tenant.namespace, name }, 120_000);
    }
    expect((await b.computers()).filter(({ disabled }) => !disabled)).toEqual([]);
    for (const host of stage.hosts.hosts) {
      expect((await host.machine.run(['ls', `${host.root}/servers`])).stdout).toBe('');
    }
  });
});
