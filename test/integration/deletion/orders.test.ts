import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  securityServices,
  shareAccesses,
  shareNetworks,
  shareServers,
  shares,
  storageBackends,
} from '../../../src/api/v1alpha1/resource-types.ts';
import { namespaces } from '../../../src/runtime/core-types.ts';
import { activeDirectory, network, passwordSecret, share } from '../manifests.ts';
import { conditionOf, Tenant } from '../tenant.ts';
import { TestCluster } from '../test-cluster.ts';

describe('deletion ends in every order', () => {
  let cluster: TestCluster;

  beforeAll(async () => {
    cluster = await TestCluster.start();
    await cluster.startOperator();
  }, 120_000);

  afterAll(async () => {
    await cluster?.stop();
  });

  /** A tenant with a network, a service, two shares on two servers and a keyed rule on each. */
  async function furnished(): Promise<Tenant> {
    const tenant = await Tenant.make(cluster, { driverHandlesShareServers: true });
    const { namespace } = tenant;
    await cluster.apply(
      passwordSecret(namespace, 'ad-password', 'secret-ad'),
      activeDirectory(namespace, 'ad'),
      network(namespace, 'net', [{ type: 'active_directory', name: 'ad' }]),
    );
    await tenant.makeShares(['one', 'two'], { shareNetworkName: 'net' });
    await tenant.grant('alice', 'one', { accessTo: `alice-${namespace}` });
    await tenant.grant('bob', 'two', { accessTo: `bob-${namespace}` });
    await tenant.untilActive('alice');
    await tenant.untilActive('bob');
    return tenant;
  }

  async function remove(tenant: Tenant, ...what: readonly string[]): Promise<void> {
    await tenant.kubectl('delete', '--wait=false', ...what);
  }

  /** Nothing is left, neither in the namespace nor on the backend. */
  async function nothingIsLeft(tenant: Tenant): Promise<void> {
    const { namespace } = tenant;
    for (const name of ['alice', 'bob']) await cluster.untilGone(shareAccesses, { namespace, name });
    for (const name of ['one', 'two']) await cluster.untilGone(shares, { namespace, name });
    await cluster.untilGone(shareNetworks, { namespace, name: 'net' });
    await cluster.untilGone(securityServices, { namespace, name: 'ad' });
    expect((await cluster.client.list(shareServers, { namespace })).items).toEqual([]);
    expect(await tenant.keyOnBackend(`alice-${namespace}`)).toBeUndefined();
    expect((await tenant.callsOf('deleteShare')).length).toBeGreaterThanOrEqual(2);
    expect((await tenant.callsOf('teardownServer')).length).toBeGreaterThanOrEqual(2);
  }

  test('a share server that waits to be set up goes after its last share', async () => {
    const tenant = await Tenant.make(
      cluster,
      { driverHandlesShareServers: true },
      { unusedShareServerTimeout: '200ms' },
    );
    const { namespace } = tenant;
    // Without its password the service can't be given to a server.
    await cluster.apply(
      activeDirectory(namespace, 'ad'),
      network(namespace, 'net', [{ type: 'active_directory', name: 'ad' }]),
      share(namespace, 'one', { shareNetworkName: 'net', backendName: tenant.backendName }),
    );
    const { status } = await tenant.untilShare('one', 'placed', (one) => one.status?.shareServerName !== undefined);
    const server = { namespace, name: status?.shareServerName ?? '' };
    await cluster.until(shareServers, server, 'waiting', (found) => conditionOf(found, 'Reconciling') !== 'absent');
    await remove(tenant, 'share', 'one');
    await cluster.untilGone(shares, { namespace, name: 'one' });
    await cluster.untilGone(shareServers, server);
    expect(await tenant.callsOf('setupServer')).toEqual([]);
  });

  test('the whole namespace at once', async () => {
    const tenant = await furnished();
    await cluster.kubectl('delete', 'namespace', tenant.namespace, '--wait=false');
    await cluster.untilGone(namespaces, { name: tenant.namespace }, 60_000);
    await nothingIsLeft(tenant);
    await cluster.kubectl('delete', 'storagebackend', tenant.backendName, '--timeout=30s');
  });

  test('the password first, then the service, the network, the backend, the shares and rules last', async () => {
    const tenant = await furnished();
    const { namespace, backendName } = tenant;
    await remove(tenant, 'secret', 'ad-password');
    await remove(tenant, 'secsvc', 'ad');
    await remove(tenant, 'shnet', 'net');
    await remove(tenant, 'sbe', backendName);
    const blocked = (what: string) => (object: Parameters<typeof conditionOf>[0]) =>
      conditionOf(object, 'DeletionBlocked') === `True/${what}`;
    await cluster.until(securityServices, { namespace, name: 'ad' }, 'blocked', blocked('SecurityServiceInUse'));
    await cluster.until(shareNetworks, { namespace, name: 'net' }, 'blocked', blocked('SharesExist'));
    await cluster.until(storageBackends, { name: backendName }, 'blocked', blocked('BackendInUse'));
    expect((await tenant.rule('alice')).status?.phase).toBe('active');
    await remove(tenant, 'shr', '--all');
    await tenant.untilRule('alice', 'waits', (rule) => conditionOf(rule, 'Reconciling') === 'True/ShareNotFound');
    await remove(tenant, 'sha', '--all');
    await nothingIsLeft(tenant);
    await cluster.untilGone(storageBackends, { name: backendName });
  });

  test('the network in the foreground', async () => {
    const tenant = await furnished();
    const { namespace } = tenant;
    await cluster.untilCollected(namespace);
    await remove(tenant, 'shnet', 'net', '--cascade=foreground');
    const { items } = await cluster.client.list(shareServers, { namespace });
    for (const { metadata } of items) {
      await cluster.until(
        shareServers,
        { namespace, name: metadata.name },
        'blocked',
        (server) => conditionOf(server, 'DeletionBlocked') === 'True/SharesExist',
      );
    }
    await remove(tenant, 'secsvc,secret,shr,sha', '--all');
    await nothingIsLeft(tenant);
  });

  test('a share server under a live share serves on until the share goes', async () => {
    const tenant = await furnished();
    const { namespace } = tenant;
    const one = await tenant.untilShare('one', 'available', () => true);
    const name = one.status?.shareServerName ?? '';
    await remove(tenant, 'shareserver', name);
    const server = await cluster.until(
      shareServers,
      { namespace, name },
      'blocked',
      (object) => conditionOf(object, 'DeletionBlocked') === 'True/SharesExist',
    );
    expect(server.status?.phase).toBe('active');
    await tenant.grant('carol', 'one');
    await tenant.untilActive('carol');
    await remove(tenant, 'shr', 'one');
    await cluster.untilGone(shareServers, { namespace, name });
    await remove(tenant, 'shr,sha,shnet,secsvc', '--all');
    await nothingIsLeft(tenant);
  });

  test('while the backend does not answer: the reason is reported, and it ends when the backend is back', async () => {
    const tenant = await furnished();
    const { namespace } = tenant;
    const down = { kind: 'unavailable', message: 'the array is down' } as const;
    await tenant.setFaults(
      { operation: 'updateAccess', ...down },
      { operation: 'deleteShare', ...down },
      { operation: 'teardownServer', kind: 'rejected', message: 'the filer is busy' },
    );
    await remove(tenant, 'sha', 'alice');
    await tenant.untilRule('alice', 'told', (rule) => conditionOf(rule, 'Ready') === 'False/BackendNotAnswering');
    await remove(tenant, 'shr,shnet,secsvc,sha', '--all');
    await tenant.untilShare(
      'one',
      'waits',
      (share) => conditionOf(share, 'DeletionBlocked') === 'True/AccessRulesExist',
    );
    await tenant.setFaults(
      { operation: 'deleteShare', kind: 'rejected', message: 'snapshots exist' },
      { operation: 'teardownServer', kind: 'rejected', message: 'the filer is busy' },
    );
    const stuck = await tenant.untilShare(
      'one',
      'error_deleting',
      ({ status }) => status?.phase === 'error_deleting',
      60_000,
    );
    expect(conditionOf(stuck, 'DeletionBlocked')).toBe('True/BackendRejected');
    await tenant.setFaults({ operation: 'teardownServer', kind: 'rejected', message: 'the filer is busy' });
    await cluster.untilGone(shares, { namespace, name: 'one' }, 60_000);
    const server = stuck.status?.shareServerName ?? '';
    await cluster.until(
      shareServers,
      { namespace, name: server },
      'told',
      (object) => conditionOf(object, 'DeletionBlocked') === 'True/BackendRejected',
    );
    await tenant.setFaults();
    await nothingIsLeft(tenant);
  });

  test('a rule that no backend has heard of goes at once, whatever the network is doing', async () => {
    const tenant = await furnished();
    const { namespace } = tenant;
    const patch = ['--subresource=status', '--type=merge', '-p', '{"status":{"phase":"network_change"}}'];
    await tenant.kubectl('patch', 'shnet', 'net', ...patch);
    await cluster.until(shareNetworks, { namespace, name: 'net' }, 'noticed', (net) =>
      conditionOf(net, 'Ready').includes('Maintenance'),
    );
    await tenant.grant('dora', 'one');
    await tenant.untilRule('dora', 'waits', (rule) => conditionOf(rule, 'Reconciling') !== 'absent');
    await tenant.kubectl('delete', 'sha', 'dora', '--timeout=5s');
    await remove(tenant, 'sha', 'alice');
    await tenant.untilRule('alice', 'waits', ({ status }) => status?.phase === 'queued_to_deny');
    await tenant.kubectl('delete', 'shr,sha,shnet,secsvc', '--all', '--wait=false');
    await nothingIsLeft(tenant);
  });

  test('rules of a deleted share wait without Secret, and apply again when a share of that name returns', async () => {
    const tenant = await Tenant.make(cluster);
    await tenant.makeShares(['share']);
    await tenant.grant('alice', 'share');
    await tenant.untilActive('alice');
    await tenant.kubectl('delete', 'shr', 'share', '--timeout=30s');
    const waiting = await tenant.untilRule('alice', 'waits', ({ status }) => status?.phase === 'queued_to_apply');
    expect(conditionOf(waiting, 'Reconciling')).toBe('True/ShareNotFound');
    expect([waiting.status?.accessLevel, waiting.status?.accessKeySecretRef]).toEqual([undefined, undefined]);
    expect(await tenant.secret('alice-access-key')).toBeUndefined();
    await tenant.makeShares(['share']);
    await tenant.untilActive('alice');
    expect(await tenant.keyInSecret('alice')).toBe(await tenant.keyOnBackend('alice'));
  });
});
