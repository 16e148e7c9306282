import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { securityServices, shareAccesses, shareServers } from '../../../src/api/v1alpha1/resource-types.ts';
import { eventually } from '../../faults/eventually.ts';
import { access, network } from '../manifests.ts';
import { TestCluster } from '../test-cluster.ts';
import { ad, appliedTo, condition, Scene } from './scene.ts';

const update = 'updateShareServerSecurityService';

describe('a phase that an administrator sets, and set-up around a change', () => {
  let cluster: TestCluster;

  beforeAll(async () => {
    cluster = await TestCluster.start();
    await cluster.startOperator();
  }, 120_000);

  afterAll(async () => {
    await cluster.stop();
  });

  test('maintenance holds everything until the phase is set back', async () => {
    const scene = await Scene.make(cluster, { shares: 1 });
    const { namespace } = scene;
    await scene.reset('sharenetwork', 'net', 'network_change');
    const held = await scene.network('maintenance', (object) => condition(object, 'Ready')?.reason === 'Maintenance');
    expect(held.status?.networkChange).toBeUndefined();
    expect(await scene.event('StatusReset', 'net')).toMatch(/from active to network_change by field manager kubectl/);
    await cluster.apply(access(namespace, 'waits', 'share-0'));
    await cluster.until(
      shareAccesses,
      { namespace, name: 'waits' },
      'waits',
      (rule) => condition(rule, 'Ready')?.reason === 'ShareNetworkNotActive',
    );
    await expect(scene.refer([ad('ad-b')])).rejects.toThrow(/not active/);
    await scene.reset('sharenetwork', 'net', 'active');
    await cluster.until(
      shareAccesses,
      { namespace, name: 'waits' },
      'active',
      ({ status }) => status?.phase === 'active',
    );
  });

  test('a network reset in mid-change keeps that phase; its servers finish by their own record', async () => {
    const scene = await Scene.make(cluster, { shares: 2 });
    await scene.faults({ operation: update, kind: 'hang', message: 'ignore-abort 3s' });
    await scene.refer([ad('ad-b')]);
    await eventually('calls', async () => (await scene.started(update)).length === 2, 30_000);
    await scene.reset('sharenetwork', 'net', 'error');
    const reset = await scene.network('noted', ({ status }) => status?.lastNetworkChange?.result === 'Reset');
    expect(reset.status?.phase).toBe('error');
    expect(reset.status?.networkChange).toBeUndefined();
    for (const { metadata } of await scene.servers()) {
      await scene.server(
        metadata.name,
        'finished',
        (server) => server.status?.phase === 'active' && appliedTo(server)[0] === 'ad-b',
      );
    }
    expect((await scene.present()).status?.phase).toBe('error');
    await scene.reset('sharenetwork', 'net', 'active');
    await scene.network('up to date', (object) => condition(object, 'SecurityServicesUpToDate')?.status === 'True');
    expect(await scene.started(update)).toHaveLength(2);
  });

  test('a server reset while its call runs keeps that phase, whatever the call answers', async () => {
    const scene = await Scene.make(cluster, {
      shares: 2,
      backendSpec: { operationTimeout: '2s', changeTimeout: '2s' },
    });
    const [good, bad] = [await scene.serverName(0), await scene.serverName(1)];
    await scene.faults(
      { operation: update, kind: 'hang', message: 'ignore-abort 1s', match: { shareServer: good } },
      { operation: update, kind: 'hang', match: { shareServer: bad } },
    );
    await scene.refer([ad('ad-b')]);
    await eventually('calls', async () => (await scene.started(update)).length === 2, 30_000);
    await scene.reset('shareserver', good, 'error');
    await scene.reset('shareserver', bad, 'active');
    for (const name of [good, bad]) await scene.event('StatusReset', name);
    await scene.network('over', ({ status }) => status?.phase === 'active' && status.lastNetworkChange !== undefined);
    const [first, second] = await scene.servers();
    expect(first?.status?.phase).toBe('error');
    expect(first === undefined ? [] : appliedTo(first)).toEqual(['ad-b']);
    expect(second?.status?.phase).toBe('active');
    expect(second?.status?.lastError?.operation).toBe(update);
  });

  test('a network whose record contradicts its association is in error and waits for an administrator', async () => {
    const scene = await Scene.make(cluster, { shares: 1 });
    await scene.faults({ operation: update, kind: 'hang', message: 'ignore-abort 3s' });
    await scene.refer([ad('ad-b')]);
    await eventually('call', async () => (await scene.started(update)).length === 1, 30_000);
    const patch = '{"status":{"securityServices":[]}}';
    await scene.kubectl('patch', 'shnet', 'net', '--subresource=status', '--type=merge', '-p', patch);
    const network = await scene.network('in error', ({ status }) => status?.phase === 'error');
    expect(condition(network, 'Stalled')?.reason).toBe('ChangeRecordInvalid');
    await scene.event('ChangeRecordInvalid', 'net');
    const name = await scene.serverName(0);
    await scene.server(
      name,
      'finished',
      (server) => server.status?.phase === 'active' && appliedTo(server)[0] === 'ad-b',
    );
    await scene.reset('sharenetwork', 'net', 'active');
    await scene.changed('Succeeded');
  });

  test('resets that race the operator are never lost', async () => {
    const scene = await Scene.make(cluster, { shares: 1, dummy: { latency: '10ms' } });
    for (let round = 0; round < 6; round += 1) {
      await scene.refer([ad(round % 2 === 0 ? 'ad-b' : 'ad-c')]);
      await scene.reset('sharenetwork', 'net', 'error');
      // Whatever the operator was doing: after the reset the phase is the administrator's.
      const noted = await scene.network('noted', ({ status }) => status?.recordedPhase === 'error');
      expect(noted.status?.phase).toBe('error');
      await new Promise((resolve) => setTimeout(resolve, 200));
      expect((await scene.present()).status?.phase).toBe('error');
      const [server] = await scene.servers();
      await scene.server(server?.metadata.name ?? '', 'settled', ({ status }) => status?.phase === 'active');
      await scene.reset('sharenetwork', 'net', 'active');
      await scene.network('settled', ({ status }) => status?.phase === 'active' && status.recordedPhase === 'active');
      const token = `round-${round}`;
      await scene.annotate('shnet', 'net', `sharenet.io/reapply-requested-at=${token}`);
      // A change that the reset left undone may come before.
      await scene.network(
        'asked again, and changed',
        ({ status }) =>
          status?.phase === 'active' &&
          status.lastHandledReapplyAt === token &&
          status.lastNetworkChange?.result === 'Succeeded',
      );
    }
  });

  test('a set-up that was refused is tried again with the next association', async () => {
    const scene = await Scene.make(cluster);
    await scene.faults({
      operation: 'setupServer',
      kind: 'rejected',
      match: { securityService: 'ad-a' },
      message: 'can not join',
    });
    await cluster.apply(scene.share('one'));
    const name = await eventually('a server', async () => (await scene.serverName(0)) || undefined, 20_000);
    const failed = await scene.server(name, 'failed', ({ status }) => status?.phase === 'error');
    expect(failed.status?.lastError).toMatchObject({
      operation: 'setupServer',
      message: expect.stringContaining('can not join'),
    });
    await scene.event('SetupFailed', name);
    await scene.refer([ad('ad-b')]);
    await scene.shareAvailable('one');
    for (const server of await scene.servers()) expect(appliedTo(server)).toEqual(['ad-b']);
    expect(await scene.started(update)).toEqual([]);
  });

  test('a service referred to while a server is being set up reaches that server', async () => {
    const scene = await Scene.make(cluster);
    await scene.faults({ operation: 'setupServer', kind: 'hang', message: 'ignore-abort 2s', times: 1 });
    await cluster.apply(scene.share('one'));
    await eventually('set-up runs', async () => (await scene.started('setupServer')).length === 1, 20_000);
    await scene.refer([ad('ad-b')]);
    const waiting = await scene.network('waits', (object) => condition(object, 'Ready')?.status === 'False');
    expect(condition(waiting, 'Ready')?.reason).toBe('ShareServerNotActive');
    expect(waiting.status?.securityServices?.map(({ name }) => name)).toEqual(['ad-a']);
    await scene.changed('Succeeded');
    for (const server of await scene.servers()) expect(appliedTo(server)).toEqual(['ad-b']);
    expect(await scene.started(update)).toHaveLength(1);
  });

  test('a service that is forced away after the commit fails the servers that still need it', async () => {
    const policy = { securityServiceChange: { maxConcurrentServers: 1 } };
    const scene = await Scene.make(cluster, { shares: 2, networkSpec: policy });
    await scene.faults({ operation: update, kind: 'hang', message: 'ignore-abort 3s', times: 1 });
    await scene.refer([ad('ad-b')], policy);
    await eventually('first call', async () => (await scene.started(update)).length === 1, 30_000);
    await scene.kubectl('delete', 'secsvc', 'ad-b', '--wait=false');
    await scene.kubectl('patch', 'secsvc', 'ad-b', '--type=merge', '-p', '{"metadata":{"finalizers":null}}');
    await scene.changed('Failed');
    const failed = (await scene.servers()).find(({ status }) => status?.phase === 'error');
    expect(failed?.status?.lastError?.reason).toBe('SecurityServiceNotFound');
    expect(await scene.started(update)).toHaveLength(1);
  });

  test('a server without a free address waits, and goes on when the subnet gains a range', async () => {
    const subnet = { name: 'default', networkType: 'flat' as const, cidr: '10.77.0.0/24' };
    const scene = await Scene.make(cluster, {
      networkSpec: { subnets: [{ ...subnet, allocationRanges: ['10.77.0.5-10.77.0.5'] }] },
    });
    await cluster.apply(scene.share('one'), scene.share('two'));
    const waiting = await eventually(
      'one waits',
      async () =>
        (await scene.servers()).find((server) => condition(server, 'Ready')?.reason === 'AddressesExhausted')?.metadata
          .name,
      30_000,
    );
    await cluster.apply(
      network(scene.namespace, 'net', [ad('ad-a')], {
        subnets: [{ ...subnet, allocationRanges: ['10.77.0.5-10.77.0.5', '10.77.0.9-10.77.0.9'] }],
      }),
    );
    await cluster.until(
      shareServers,
      { namespace: scene.namespace, name: waiting },
      'active',
      ({ status }) => status?.phase === 'active',
      20_000,
    );
  });

  test('a password Secret that comes after everything else is waited for by the set-up', async () => {
    const scene = await Scene.make(cluster);
    await scene.kubectl('delete', 'secret', 'ad-a-password');
    await cluster.until(
      securityServices,
      { namespace: scene.namespace, name: 'ad-a' },
      'without its password',
      (service) => condition(service, 'Ready')?.reason === 'CredentialsNotFound',
    );
    await cluster.apply(scene.share('one'));
    const name = await eventually('a server', async () => (await scene.serverName(0)) || undefined, 20_000);
    await scene.server(name, 'waits', (server) => condition(server, 'Ready')?.reason === 'SecurityServiceIncomplete');
    await scene.kubectl('create', 'secret', 'generic', 'ad-a-password', '--from-literal=password=late');
    await scene.kubectl('label', 'secret', 'ad-a-password', 'sharenet.io/credentials=true');
    await scene.shareAvailable('one');
  });

  test('a steady churn of rules does not starve a change', async () => {
    const scene = await Scene.make(cluster, { shares: 3, dummy: { latency: '50ms' } });
    let churning = true;
    const churn = (async () => {
      for (let round = 0; churning; round += 1) {
        const rules = [0, 1, 2].map((index) => access(scene.namespace, `churn-${round}-${index}`, `share-${index}`));
        await cluster.apply(...rules);
        if (round > 0) await scene.kubectl('delete', 'sha', `churn-${round - 1}-0`, '--wait=false');
      }
    })();
    try {
      await new Promise((resolve) => setTimeout(resolve, 1000));
      await scene.refer([ad('ad-b')]);
      await scene.changed('Succeeded');
    } finally {
      churning = false;
      await churn;
    }
  });
});
