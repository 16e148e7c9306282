import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { shareAccesses, shareNetworks, shareServers, shares } from '../../../src/api/v1alpha1/resource-types.ts';
import type { ShareServer } from '../../../src/api/v1alpha1/share-server.ts';
import { network } from '../manifests.ts';
import { conditionOf, messageOf, Tenant } from '../tenant.ts';
import { TestCluster } from '../test-cluster.ts';

describe('what a deletion keeps, and what it may forget', () => {
  let cluster: TestCluster;

  beforeAll(async () => {
    cluster = await TestCluster.start();
    await cluster.startOperator();
  }, 120_000);

  afterAll(async () => {
    await cluster?.stop();
  });

  async function servedTenant(unusedShareServerTimeout: string): Promise<Tenant> {
    const tenant = await Tenant.make(cluster, { driverHandlesShareServers: true }, { unusedShareServerTimeout });
    await cluster.apply(network(tenant.namespace, 'net', []));
    return tenant;
  }

  async function serverOf(tenant: Tenant, shareName: string): Promise<ShareServer> {
    const { status } = await cluster.client.get(shares, { namespace: tenant.namespace, name: shareName });
    return await cluster.client.get(shareServers, {
      namespace: tenant.namespace,
      name: status?.shareServerName ?? '',
    });
  }

  test('a server without shares is torn down after a while', async () => {
    const tenant = await servedTenant('1s');
    await tenant.makeShares(['share'], { shareNetworkName: 'net' });
    const { metadata } = await serverOf(tenant, 'share');
    await pause(2500);
    expect((await serverOf(tenant, 'share')).metadata.uid).toBe(metadata.uid);
    await tenant.kubectl('delete', 'shr', 'share', '--timeout=30s');
    await cluster.untilGone(shareServers, { namespace: tenant.namespace, name: metadata.name });
    expect(await tenant.callsOf('teardownServer')).toHaveLength(1);
  });

  test('a retained share stays on the backend, and its server is never torn down', async () => {
    const tenant = await servedTenant('1s');
    const { namespace } = tenant;
    await tenant.makeShares(['kept'], { shareNetworkName: 'net', deletionPolicy: 'Retain' });
    await tenant.grant('alice', 'kept', { accessTo: `alice-${namespace}` });
    await tenant.untilActive('alice');
    const { status } = await cluster.client.get(shares, { namespace, name: 'kept' });
    const server = await serverOf(tenant, 'kept');
    await tenant.kubectl('delete', 'shr', 'kept', '--timeout=30s');
    expect(await tenant.callsOf('deleteShare')).toEqual([]);
    await tenant.untilEvent('ShareRetained', 'Share', 'kept');
    // Its access is taken away all the same.
    expect(await tenant.keyOnBackend(`alice-${namespace}`)).toBeUndefined();
    await pause(2500);
    const name = { namespace, name: server.metadata.name };
    const kept = await cluster.client.get(shareServers, name);
    expect(kept.status?.retainedShares).toEqual([status?.identifier]);
    expect(kept.metadata.deletionTimestamp).toBeUndefined();
    await tenant.kubectl('delete', 'shnet', 'net', '--wait=false');
    const blocked = await cluster.until(
      shareServers,
      name,
      'blocked',
      (object) => conditionOf(object, 'DeletionBlocked') === 'True/RetainedShares',
    );
    expect(messageOf(blocked, 'DeletionBlocked')).toContain(status?.identifier ?? '?');
    expect(await tenant.callsOf('teardownServer')).toEqual([]);

    // Only on the word of who owns the backend.
    await tenant.annotate('shareserver', server.metadata.name, 'sharenet.io/abandon=true');
    await pause(1000);
    expect(await cluster.find(shareServers, name)).toBeDefined();
    await tenant.configure({}, { allowAbandon: true });
    await cluster.untilGone(shareServers, name);
    await cluster.untilGone(shareNetworks, { namespace, name: 'net' });
    expect(await tenant.callsOf('teardownServer')).toEqual([]);
  });

  test('a retained share of a backend without share servers is reported in an event', async () => {
    const tenant = await Tenant.make(cluster);
    await tenant.makeShares(['kept'], { deletionPolicy: 'Retain' });
    await tenant.kubectl('delete', 'shr', 'kept', '--timeout=30s');
    await tenant.untilEvent('ShareRetained', 'Share', 'kept');
    expect(await tenant.callsOf('deleteShare')).toEqual([]);
  });

  test('share and rule are abandoned only where the backend allows it', async () => {
    const tenant = await Tenant.make(cluster);
    const { namespace } = tenant;
    await tenant.makeShares(['share']);
    await tenant.grant('alice', 'share');
    await tenant.grant('bob', 'share');
    await tenant.untilActive('alice');
    await tenant.untilActive('bob');
    await tenant.setFaults(
      { operation: 'updateAccess', kind: 'unavailable', message: 'gone permanently' },
      { operation: 'deleteShare', kind: 'unavailable', message: 'gone permanently' },
    );
    await tenant.kubectl('delete', 'sha', 'alice', '--wait=false');
    await tenant.annotate('shareaccess', 'alice', 'sharenet.io/abandon=true');
    await tenant.untilRule('alice', 'told', (rule) => conditionOf(rule, 'Ready') === 'False/BackendNotAnswering');
    await tenant.configure({}, { allowAbandon: true });
    await cluster.untilGone(shareAccesses, { namespace, name: 'alice' });
    await tenant.untilEvent('Abandoned', 'ShareAccess', 'alice');
    expect(await tenant.secret('alice-access-key')).toBeUndefined();

    await tenant.configure({}, { allowAbandon: false });
    await tenant.kubectl('delete', 'shr', 'share', '--wait=false');
    await tenant.annotate('share', 'share', 'sharenet.io/abandon=true');
    await tenant.untilShare('share', 'waits', (share) => conditionOf(share, 'DeletionBlocked').startsWith('True'));
    // A backend that is itself being deleted holds no one back.
    await cluster.kubectl('delete', 'sbe', tenant.backendName, '--wait=false');
    await cluster.untilGone(shares, { namespace, name: 'share' });
    await tenant.untilRule('bob', 'waits', (rule) => conditionOf(rule, 'Reconciling') === 'True/ShareNotFound');
    expect(await tenant.secret('bob-access-key')).toBeUndefined();
  });
});
