import { readFile, rm, writeFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { shareServers, shares } from '../../../src/api/v1alpha1/resource-types.ts';
import type { Share } from '../../../src/api/v1alpha1/share.ts';
import type { ShareAccess } from '../../../src/api/v1alpha1/share-access.ts';
import type { ShareServer } from '../../../src/api/v1alpha1/share-server.ts';
import type { ResourceType } from '../../../src/runtime/kube-object.ts';
import { network, share } from '../manifests.ts';
import { conditionOf, messageOf, Tenant } from '../tenant.ts';
import { TestCluster } from '../test-cluster.ts';

describe('the life of a share', () => {
  let cluster: TestCluster;

  beforeAll(async () => {
    cluster = await TestCluster.start();
    await cluster.startOperator();
  }, 120_000);

  afterAll(async () => {
    await cluster?.stop();
  });

  async function resize(tenant: Tenant, name: string, size: string): Promise<void> {
    await cluster.apply(share(tenant.namespace, name, { backendName: tenant.backendName, size }));
  }

  /** Takes something off the storage system by hand. */
  async function takeAway(tenant: Tenant, kind: 'shares' | 'servers', type: ResourceType, name: string): Promise<void> {
    const { metadata } = await cluster.client.get(type, { namespace: tenant.namespace, name });
    await rm(`${cluster.stateDirectory}/backends/${tenant.backendName}/${kind}/${metadata.uid}.json`);
  }

  const isLost = (object: Share): boolean =>
    object.status?.phase === 'error' && conditionOf(object, 'Ready') === 'False/ShareLost';

  test('one that the storage system has no more is lost with the first call that does not find it', async () => {
    const tenant = await Tenant.make(cluster);
    await tenant.makeShares(['granted', 'resized'], { size: '2Gi' });
    for (const name of ['granted', 'resized']) await takeAway(tenant, 'shares', shares, name);
    await tenant.grant('late', 'granted', { accessTo: `late-${tenant.namespace}` });
    await tenant.untilShare('granted', 'lost', isLost);
    const waits = (rule: ShareAccess) => conditionOf(rule, 'Ready') === 'False/ShareNotAvailable';
    await tenant.untilRule('late', 'waits', waits);
    await resize(tenant, 'resized', '3Gi');
    const lost = await tenant.untilShare('resized', 'lost', isLost);
    expect(lost.status?.operation).toBeUndefined();
    await tenant.kubectl('delete', 'share,shareaccess', '--all', '--timeout=60s');
  });

  test('a share server that the storage system has no more is lost with the first share that is to be made on it', async () => {
    const config = { driverHandlesShareServers: true };
    const tenant = await Tenant.make(cluster, config, { maxSharesPerShareServer: 5 });
    const { namespace } = tenant;
    await cluster.apply(network(namespace, 'net', []));
    await tenant.makeShares(['first'], { shareNetworkName: 'net' });
    const { items } = await cluster.client.list(shareServers, { namespace });
    const name = items[0]?.metadata.name ?? '';
    await takeAway(tenant, 'servers', shareServers, name);
    await cluster.apply(share(namespace, 'second', { backendName: tenant.backendName, shareNetworkName: 'net' }));
    const isError = ({ status }: ShareServer) => status?.lastError?.reason === 'ShareServerLost';
    const server = await cluster.until(shareServers, { namespace, name }, 'lost', isError);
    expect(server.status?.phase).toBe('error');
  });

  test('it grows and shrinks; a refused size loses nothing and rests until it changes or someone asks', async () => {
    const tenant = await Tenant.make(cluster);
    const { namespace } = tenant;
    await tenant.makeShares(['share'], { size: '2Gi' });
    await resize(tenant, 'share', '10Gi');
    await tenant.untilShare('share', 'grown', ({ status }) => status?.size === '10Gi' && status.phase === 'available');
    const { metadata } = await cluster.client.get(shares, { namespace, name: 'share' });
    const path = `${cluster.stateDirectory}/backends/${tenant.backendName}/shares/${metadata.uid}.json`;
    const use = async (usedBytes: number) =>
      await writeFile(path, JSON.stringify({ ...JSON.parse(await readFile(path, 'utf8')), usedBytes }));
    await use(5 * 2 ** 30);
    await resize(tenant, 'share', '3Gi');
    const refused = await tenant.untilShare(
      'share',
      'refused',
      (object) => conditionOf(object, 'Stalled') === 'True/ShareShrinkingPossibleDataLoss',
    );
    expect([refused.status?.phase, refused.status?.size]).toEqual(['available', '10Gi']);
    expect(JSON.parse(await readFile(path, 'utf8'))).toMatchObject({ size: 10 * 2 ** 30 });
    await pause(1500);
    expect(await tenant.callsOf('shrinkShare')).toHaveLength(1);
    // Rules are granted on it all the same.
    await tenant.grant('alice', 'share', { accessTo: `alice-${namespace}` });
    await tenant.untilActive('alice');
    await tenant.annotate('share', 'share', 'sharenet.io/reconcile-requested-at=1');
    await tenant.untilShare('share', 'handled', ({ status }) => status?.lastHandledReconcileAt === '1');
    await pause(1000);
    expect(await tenant.callsOf('shrinkShare')).toHaveLength(2);
    await resize(tenant, 'share', '6Gi');
    const shrunk = await tenant.untilShare('share', 'shrunk', ({ status }) => status?.size === '6Gi');
    expect(conditionOf(shrunk, 'Ready')).toBe('True/Available');
    await resize(tenant, 'share', '3Gi');
    await tenant.untilShare('share', 'refused', (object) => conditionOf(object, 'Stalled') !== 'absent');
    await use(0);
    await tenant.annotate('share', 'share', 'sharenet.io/reconcile-requested-at=2');
    await tenant.untilShare('share', 'shrunk', ({ status }) => status?.size === '3Gi');
  });

  test('long work is asked for again with its token, under one operation', async () => {
    const tenant = await Tenant.make(cluster, {
      faults: [
        { operation: 'createShare', kind: 'inProgress' },
        { operation: 'extendShare', kind: 'inProgress' },
      ],
    });
    await tenant.makeShares(['share']);
    await resize(tenant, 'share', '2Gi');
    await tenant.untilShare('share', 'grown', ({ status }) => status?.size === '2Gi' && status.operation === undefined);
    for (const operation of ['createShare', 'extendShare']) {
      const [first, second] = (await tenant.callsOf(operation)).map(({ args }) => args?.operation as { id: string });
      expect(second).toMatchObject({ id: first?.id, token: expect.any(String) });
    }
  });

  test('a share that can not be made says why, and is made when someone asks', async () => {
    const tenant = await Tenant.make(cluster, {
      faults: [{ operation: 'createShare', kind: 'rejected', message: 'pool is read-only', times: 1 }],
    });
    await cluster.apply(share(tenant.namespace, 'share', { backendName: tenant.backendName }));
    const failed = await tenant.untilShare('share', 'error', ({ status }) => status?.phase === 'error');
    expect([conditionOf(failed, 'Stalled'), messageOf(failed, 'Ready')]).toEqual([
      'True/BackendRejected',
      'pool is read-only',
    ]);
    await tenant.annotate('share', 'share', 'sharenet.io/reconcile-requested-at=1');
    const made = await tenant.untilShare('share', 'available', ({ status }) => status?.phase === 'available');
    expect(made.status?.lastHandledReconcileAt).toBe('1');
  });

  test('a backend that is not available is asked again with the same operation', async () => {
    const tenant = await Tenant.make(cluster, {
      faults: [{ operation: 'createShare', kind: 'unavailable', message: 'down', times: 2 }],
    });
    await tenant.makeShares(['share']);
    const operations = (await tenant.callsOf('createShare')).map(({ args }) => args?.operation as { id: string });
    expect(operations).toHaveLength(3);
    expect(new Set(operations.map(({ id }) => id)).size).toBe(1);
  });
});
