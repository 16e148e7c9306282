import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  securityServices,
  shareAccesses,
  shareNetworks,
  shareServers,
  shares,
} from '../../../src/api/v1alpha1/resource-types.ts';
import { type Secret, secrets } from '../../../src/runtime/core-types.ts';
import type { KubeObject, ResourceType } from '../../../src/runtime/kube-object.ts';
import { access, activeDirectory, network, passwordSecret } from '../manifests.ts';
import { OperatorProcess } from '../operator-process.ts';
import { conditionOf, Tenant } from '../tenant.ts';
import { TestCluster } from '../test-cluster.ts';
import { readDummyState } from './dummy-state.ts';

type Backup = readonly { readonly type: ResourceType; readonly object: KubeObject }[];

/** In the order in which Velero creates them: what is of Kubernetes first, then custom resources by name. */
const kinds: readonly ResourceType[] = [secrets, securityServices, shareAccesses, shareNetworks, shares, shareServers];

describe('objects that were created again from a backup', () => {
  let cluster: TestCluster;
  let operator: OperatorProcess;

  beforeAll(async () => {
    cluster = await TestCluster.start();
    operator = await OperatorProcess.start(cluster.operatorKubeconfig);
  }, 120_000);

  afterAll(async () => {
    await operator?.stop();
    await operator?.forget();
    await cluster?.stop();
  });

  async function furnished(): Promise<Tenant> {
    const config = { driverHandlesShareServers: true };
    const tenant = await Tenant.make(cluster, config, { unusedShareServerTimeout: '0s' });
    const { namespace } = tenant;
    await cluster.apply(
      passwordSecret(namespace, 'ad-password', 'secret-ad'),
      activeDirectory(namespace, 'ad'),
      network(namespace, 'net', [{ type: 'active_directory', name: 'ad' }]),
    );
    await tenant.makeShares(['data'], { shareNetworkName: 'net' });
    await cluster.apply(...['a', 'b'].map((name) => access(namespace, `${namespace}-${name}`, 'data')));
    for (const name of ['a', 'b']) await tenant.untilActive(`${namespace}-${name}`);
    return tenant;
  }

  async function backUp({ namespace }: Tenant): Promise<Backup> {
    const lists = kinds.map(async (type) => {
      const { items } = await cluster.client.list(type, { namespace });
      return items.map((object) => ({ type, object }));
    });
    return (await Promise.all(lists)).flat();
  }

  /** Removes all objects, as if the namespace's part of etcd were lost: no driver hears of it. */
  async function lose({ namespace }: Tenant, backup: Backup): Promise<void> {
    for (const { type, object } of backup) {
      const name = { namespace, name: object.metadata.name };
      if (type !== secrets) await cluster.client.mergePatch(type, name, { metadata: { finalizers: null } });
      await cluster.client.delete(type, name, { propagationPolicy: 'Orphan' }).catch(() => undefined);
      await cluster.untilGone(type, name);
    }
  }

  /** As Velero does: with names, labels, annotations, finalizers and spec; the status where that is asked for. */
  async function restore(backup: Backup, withStatus: boolean): Promise<void> {
    for (const { type, object } of backup) {
      const { namespace = '', name, labels, annotations, finalizers, ownerReferences } = object.metadata;
      // Where owners are kept they are those of before, which do not exist.
      const owners = name.endsWith('-b-access-key') && ownerReferences ? { ownerReferences } : {};
      const metadata = { namespace, name, ...(labels && { labels }), ...(annotations && { annotations }), ...owners };
      const kept = { ...object, metadata: { ...metadata, ...(finalizers && { finalizers }) } };
      const created = await cluster.client.create(type, kept);
      if (!withStatus || !('status' in object)) continue;
      await cluster.client.replaceStatus(type, { ...created, ...{ status: object.status } });
    }
  }

  async function dataOfKeys({ namespace }: Tenant): Promise<Readonly<Record<string, Secret['data']>>> {
    const { items } = await cluster.client.list(secrets, { namespace, labelSelector: 'sharenet.io/access-key=true' });
    return Object.fromEntries(items.map(({ metadata, data }) => [metadata.name, data]));
  }

  async function stateOf({ backendName }: Tenant): Promise<unknown> {
    const { servers, shares: stored, keys } = await readDummyState(cluster.stateDirectory, backendName);
    const granted = stored.map(({ id, rules }) => [id, Object.values(rules).map(({ accessTo }) => accessTo)]);
    return [servers, granted, keys];
  }

  async function lostAndRestored(tenant: Tenant, withStatus: boolean): Promise<number> {
    await operator.stop();
    const backup = await backUp(tenant);
    await lose(tenant, backup);
    await restore(backup, withStatus);
    const calls = (await cluster.calls()).length;
    operator = await OperatorProcess.start(cluster.operatorKubeconfig);
    return calls;
  }

  async function callsSince(count: number): Promise<ReadonlySet<string>> {
    return new Set((await cluster.calls()).slice(count).map(({ operation }) => operation));
  }

  test('with their status they are what they were: compared, nothing made again, keys and access intact', {
    timeout: 180_000,
  }, async () => {
    const tenant = await furnished();
    const { namespace } = tenant;
    const [keys, state] = [await dataOfKeys(tenant), await stateOf(tenant)];
    const calls = await lostAndRestored(tenant, true);
    const compared = ({ metadata }: KubeObject) => metadata.annotations?.['sharenet.io/recorded-uid'] === metadata.uid;
    await tenant.untilShare('data', 'compared', compared);
    const [server] = (await cluster.client.list(shareServers, { namespace })).items;
    const name = server?.metadata.name ?? '';
    await cluster.until(shareServers, { namespace, name }, 'compared', compared);
    for (const rule of ['a', 'b']) {
      const { metadata } = await tenant.untilActive(`${namespace}-${rule}`);
      const secretName = { namespace, name: `${namespace}-${rule}-access-key` };
      const isOwned = (secret: Secret) =>
        secret.metadata.ownerReferences?.some(({ uid }) => uid === metadata.uid) === true;
      await cluster.until(secrets, secretName, 'owned by its rule', isOwned);
    }
    expect(await dataOfKeys(tenant)).toEqual(keys);
    expect(await stateOf(tenant)).toEqual(state);
    const made = await callsSince(calls);
    expect([made.has('ensureShare'), made.has('ensureServer')]).toEqual([true, true]);
    expect([made.has('setupServer'), made.has('createShare')]).toEqual([false, false]);

    // Everything of it is found under its old name.
    await tenant.kubectl('delete', 'share', 'data', '--timeout=60s');
    await tenant.kubectl('delete', 'sharenetwork', 'net', '--timeout=60s');
    expect(await stateOf(tenant)).toEqual([[], [], []]);
  });

  test('without their status they wait, and say what to do; nothing on the storage system changes', {
    timeout: 180_000,
  }, async () => {
    const tenant = await furnished();
    const { namespace } = tenant;
    const [keys, state] = [await dataOfKeys(tenant), await stateOf(tenant)];
    const calls = await lostAndRestored(tenant, false);
    const waits = (object: KubeObject) => conditionOf(object, 'Ready') === 'False/RestoredWithoutStatus';
    await tenant.untilShare('data', 'waits', waits);
    const [server] = (await cluster.client.list(shareServers, { namespace })).items;
    await cluster.until(shareServers, { namespace, name: server?.metadata.name ?? '' }, 'waits', waits);
    await pause(1000);
    expect([...(await callsSince(calls))].filter((name) => name !== 'getCapabilities')).toEqual([]);
    expect((await cluster.client.list(shareServers, { namespace })).items).toHaveLength(1);
    const left = await dataOfKeys(tenant);
    expect(Object.entries(left).every(([name, data]) => JSON.stringify(data) === JSON.stringify(keys[name]))).toBe(
      true,
    );
    expect(await stateOf(tenant)).toEqual(state);
  });
});
