import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { shareAccesses, shareServers, shares } from '../../../../src/api/v1alpha1/resource-types.ts';
import { eventually } from '../../../faults/eventually.ts';
import type { OperatorProcess } from '../../../integration/operator-process.ts';
import type { TestDomain } from '../../../labs/ad/domain.ts';
import { Stage, type TenantStage } from './stage.ts';

describe('share servers when something fails', () => {
  let stage: Stage;
  let operator: OperatorProcess;
  let tenant: TenantStage;
  let a: TestDomain;
  let b: TestDomain;

  beforeAll(async () => {
    stage = await Stage.open({ operationTimeout: '20s', changeTimeout: '30s' });
    ({ operator } = stage);
    ({ a, b } = stage.directories);
    tenant = await stage.tenant(2, { securityServiceChange: { maxConcurrentServers: 1 } });
    for (const name of ['share-0', 'share-1']) await tenant.allow(name, 'alice');
  }, 400_000);

  afterAll(async () => {
    await stage?.close();
  }, 60_000);

  test('a domain controller that stops in mid-change fails the servers behind it, and a reapply token heals them', {
    timeout: 300_000,
  }, async () => {
    await tenant.refer('ad-b');
    // One at a time: when the first is done, the second has not begun, or waits for the lock of its join.
    const [first] = await eventually(
      'one server is in the new domain',
      async () => {
        const done = (await tenant.servers()).filter(({ status }) => status?.securityServices?.[0]?.name === 'ad-b');
        return done.length > 0 && done;
      },
      120_000,
    );
    await b.stopController();
    const network = await tenant.changed('Failed');
    const failed = (await tenant.servers()).filter(({ status }) => status?.phase === 'error');
    expect(failed).toHaveLength(1);
    expect(network.status?.lastNetworkChange?.failedServers).toEqual(failed.map(({ metadata }) => metadata.name));
    expect(failed[0]?.metadata.name).not.toBe(first?.metadata.name);
    const nameOfFailed = failed[0]?.metadata.name;
    const items = (await stage.cluster.client.list(shares, { namespace: tenant.namespace })).items;
    const share = items.find(({ status }) => status?.shareServerName === nameOfFailed)?.metadata.name ?? '';
    await tenant.rule(share, 'alice', 'in error', ({ status }) => status?.phase === 'error');
    await b.startController();
    await tenant.annotate('sharenet.io/reapply-requested-at', 'again');
    await tenant.changed('Succeeded');
    for (const name of ['share-0', 'share-1']) {
      await tenant.allow(name, 'bella');
      expect(await tenant.smbclient(name, b, 'bella', 'mkdir healed')).toMatchObject({ ok: true });
    }
  });

  test('an operator that is killed while servers join leaves nothing half done', { timeout: 300_000 }, async () => {
    const before = (await tenant.network('active', ({ status }) => status?.phase === 'active')).status
      ?.lastNetworkChange?.id;
    await tenant.refer('ad-a');
    await eventually('a server is joining', () => stage.isJoining(), 60_000);
    await operator.kill();
    operator = await stage.cluster.startOperator();
    await tenant.changed('Succeeded', before);
    for (const { status } of await tenant.servers()) {
      expect([status?.phase, status?.securityServices?.[0]?.name]).toEqual(['active', 'ad-a']);
    }
    for (const name of ['share-0', 'share-1']) {
      expect(await tenant.smbclient(name, a, 'alice', 'mkdir back; ls')).toMatchObject({ ok: true });
    }
    expect((await a.computers()).filter(({ disabled }) => !disabled)).toHaveLength(2);
    expect((await b.computers()).filter(({ disabled }) => !disabled)).toEqual([]);
  });

  test('a host that can not be reached keeps back what is on it alone, and is named', {
    timeout: 300_000,
  }, async () => {
    const servers = await tenant.servers();
    const lost = servers.find(({ status }) => status?.identifier?.startsWith('host-0/'));
    const items = (await stage.cluster.client.list(shares, { namespace: tenant.namespace })).items;
    const shareOn = (server: string | undefined) =>
      items.find(({ status }) => status?.shareServerName === server)?.metadata.name ?? '';
    const lostShare = shareOn(lost?.metadata.name);
    const otherShare = shareOn(servers.find(({ metadata }) => metadata.name !== lost?.metadata.name)?.metadata.name);
    const [host] = stage.hosts.hosts;
    await host?.ssh.kill();
    await tenant.request(lostShare, 'anna');
    await tenant.allow(otherShare, 'anna');
    const waiting = await tenant.rule(lostShare, 'anna', 'waiting', ({ status }) =>
      JSON.stringify(status?.conditions ?? []).includes('HostUnreachable'),
    );
    expect(JSON.stringify(waiting.status?.conditions)).toContain('host host-0');
    expect(await tenant.smbclient(otherShare, a, 'anna', 'ls')).toMatchObject({ ok: true });
    // What the host serves goes on.
    expect(await tenant.smbclient(lostShare, a, 'alice', 'ls')).toMatchObject({ ok: true });
    await stage.cluster.apply(tenant.shareManifest('share-2'));
    const { status } = await tenant.share('share-2');
    expect(status?.identifier).toMatch(/^host-1\//);
    expect((await stage.cluster.client.list(shareServers, { namespace: tenant.namespace })).items).toHaveLength(3);
    const { items: rules } = await stage.cluster.client.list(shareAccesses, { namespace: tenant.namespace });
    expect(rules.filter(({ status: rule }) => rule?.phase === 'error').map(({ spec }) => spec.accessTo)).not.toContain(
      'anna',
    );
  });
});
