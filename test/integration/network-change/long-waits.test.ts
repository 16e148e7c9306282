import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { shareAccesses, shareServers, shares, storageBackends } from '../../../src/api/v1alpha1/resource-types.ts';
import { eventually } from '../../faults/eventually.ts';
import { access, backend, network, share } from '../manifests.ts';
import { conditionOf, messageOf, Tenant } from '../tenant.ts';
import { TestCluster } from '../test-cluster.ts';
import { ad, Scene } from './scene.ts';

describe('whoever waits for a driver call of others says so', () => {
  let cluster: TestCluster;

  beforeAll(async () => {
    cluster = await TestCluster.start();
    await cluster.startOperator('--webhook-mode=off');
  }, 120_000);

  afterAll(async () => {
    await cluster?.stop();
  });

  const begun = (scene: Pick<Scene, 'started'>, operation: string) =>
    eventually(`${operation} begins`, async () => (await scene.started(operation)).length > 0 || undefined, 30_000);

  test.concurrent('a change that waits for a call of an access rule names it, and begins when that has ended', async () => {
    const scene = await Scene.make(cluster, { shares: 1, backendSpec: { operationTimeout: '20s' } });
    const { namespace } = scene;
    await scene.faults({ operation: 'updateAccess', kind: 'hang', times: 1 });
    await cluster.apply(access(namespace, `${namespace}-carol`, 'share-0'));
    await begun(scene, 'updateAccess');
    const from = Date.now();
    await scene.refer([ad('ad-b')]);
    const waiting = await scene.network(
      'waits',
      (one) => conditionOf(one, 'Reconciling') === 'True/AccessRulesNotActive',
      20_000,
    );
    // Well before the call is given up.
    expect(Date.now() - from).toBeLessThan(15_000);
    expect(messageOf(waiting, 'Ready')).toContain(`access rules ${namespace}-carol`);
    expect(waiting.status?.phase).toBe('active');
    await scene.changed('Succeeded');
    await scene.network('ready', (one) => conditionOf(one, 'Ready') === 'True/Available');
  }, 120_000);

  test.concurrent('a change that waits for a call of a share names it', async () => {
    const scene = await Scene.make(cluster, { shares: 1, backendSpec: { operationTimeout: '20s' } });
    await scene.faults({ operation: 'extendShare', kind: 'hang', times: 1 });
    await scene.kubectl('patch', 'share', 'share-0', '--type=merge', '-p', '{"spec":{"size":"2Gi"}}');
    await begun(scene, 'extendShare');
    await scene.refer([ad('ad-b')]);
    const waiting = await scene.network('waits', (one) => conditionOf(one, 'Reconciling') === 'True/ShareBusy', 20_000);
    expect(messageOf(waiting, 'Ready')).toContain('shares share-0');
    await scene.changed('Succeeded');
  }, 120_000);

  test.concurrent('a check that waits for a place on the backend says so', async () => {
    const scene = await Scene.make(cluster, {
      shares: 1,
      backendSpec: { operationTimeout: '20s', maxConcurrentOperations: 1 },
    });
    const { namespace, backendName } = scene;
    const server = await scene.serverName(0);
    await scene.faults({ operation: 'setupServer', kind: 'hang', times: 1 });
    await cluster.apply(
      network(namespace, 'other', []),
      share(namespace, 'other', { shareNetworkName: 'other', backendName }),
    );
    const setUps = (await scene.started('setupServer')).length;
    await eventually('a set-up hangs', async () => (await scene.started('setupServer')).length > setUps || undefined);
    await scene.refer([ad('ad-b')]);
    const waiting = await scene.network(
      'waits',
      (one) => conditionOf(one, 'Reconciling') === 'True/BackendBusy',
      20_000,
    );
    expect(messageOf(waiting, 'Ready')).toContain(
      `share server ${server}: as many driver calls run on backend ${backendName}`,
    );
    // What its own driver call has of it is reported by the server itself.
    const { items } = await cluster.client.list(shareServers, { namespace });
    expect(items.map((one) => conditionOf(one, 'Ready')).sort()).toEqual(['False/Creating', 'True/Available']);
    await scene.changed('Succeeded');
  }, 120_000);

  test.concurrent('a new backend whose storage system does not answer says that it is being asked', async () => {
    const name = 'slow-to-answer';
    const dummy = { faults: [{ operation: 'getCapabilities', kind: 'hang', times: 1 }] } as const;
    await cluster.apply(
      backend(name, { stateDirectory: cluster.stateDirectory, ...dummy }, { operationTimeout: '15s' }),
    );
    const until = (reason: string) =>
      cluster.until(storageBackends, { name }, reason, (one) => conditionOf(one, 'Ready') === reason, 40_000);
    await until('False/ProbeInProgress');
    await until('False/OperationTimeout');
    await until('True/Available');
  }, 120_000);

  test.concurrent('shares and rules that wait for a place on the backend say so, and then what they do', async () => {
    const tenant = await Tenant.make(cluster, {}, { operationTimeout: '20s', maxConcurrentOperations: 1 });
    const { namespace, backendName } = tenant;
    await tenant.makeShares(['grows', 'goes', 'granted']);
    await tenant.setFaults({ operation: 'createShare', kind: 'hang', times: 1 });
    await cluster.apply(share(namespace, 'hangs', { backendName }));
    await eventually('a call hangs', async () => (await tenant.callsOf('createShare')).length > 3 || undefined);
    await cluster.apply(
      share(namespace, 'grows', { backendName, size: '2Gi' }),
      share(namespace, 'waits', { backendName }),
    );
    await tenant.kubectl('delete', 'share', 'goes', '--wait=false');
    await tenant.grant('dave', 'granted');
    const busy = 'False/BackendBusy';
    for (const name of ['grows', 'waits', 'goes']) {
      await tenant.untilShare(name, 'waits', (one) => conditionOf(one, 'Ready') === busy, 20_000);
    }
    await cluster.until(
      shareAccesses,
      { namespace, name: 'dave' },
      'waits',
      (one) => conditionOf(one, 'Ready') === busy,
    );
    expect(conditionOf(await cluster.client.get(shares, { namespace, name: 'hangs' }), 'Ready')).toBe('False/Creating');
    await tenant.untilActive('dave');
    for (const name of ['grows', 'waits', 'hangs']) {
      await tenant.untilShare(name, 'ready', (one) => conditionOf(one, 'Ready') === 'True/Available');
    }
    await cluster.untilGone(shares, { namespace, name: 'goes' });
  }, 120_000);
});
