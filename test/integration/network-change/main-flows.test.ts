import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { shareAccesses, shareServers, shares } from '../../../src/api/v1alpha1/resource-types.ts';
import { atRest, eventually } from '../../faults/eventually.ts';
import { access, backend, ldap, passwordSecret, share } from '../manifests.ts';
import type { OperatorProcess } from '../operator-process.ts';
import { TestCluster } from '../test-cluster.ts';
import { recordStates, storedWrites } from './recorded-states.ts';
import { ad, appliedTo, condition, Scene } from './scene.ts';

describe('a change of security services on a network in use', () => {
  let cluster: TestCluster;
  let operator: OperatorProcess;

  beforeAll(async () => {
    cluster = await TestCluster.start();
    operator = await cluster.startOperator();
  }, 120_000);

  afterAll(async () => {
    await cluster.stop();
  });

  async function writes(): Promise<number> {
    const lines = (await operator.metrics()).split('\n');
    const counts = lines.filter(
      (line) =>
        /^rest_client_resource_requests_total\{/.test(line) &&
        /verb="(create|update|patch|delete)"/.test(line) &&
        !/resource="(events|leases)/.test(line),
    );
    return counts.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
  }

  test('network_change is stored on the network and all servers before the first driver call, within the write budget', async () => {
    const scene = await Scene.make(cluster, { shares: 10, dummy: { latency: '20ms' } });
    const { namespace } = scene;
    // What is still being written belongs to the set-up.
    const before = await atRest('no writes any more', writes, 300);
    const recorded = await recordStates(cluster, namespace);
    const askedAt = Date.now();
    await scene.refer([ad('ad-b')]);
    const changed = await scene.changed('Succeeded');
    const written = (await atRest('no writes any more', writes, 300)) - before;

    const states = await recorded.stop();
    const network = states.find(({ kind, phase }) => kind === 'ShareNetwork' && phase === 'network_change');
    expect(network?.services).toEqual(['ad-b']);
    expect(network?.upToDate).toBe('False/NetworkChangeInProgress');
    const marked = new Map<string, bigint>();
    for (const { kind, name, phase, version } of states) {
      if (kind === 'ShareServer' && phase === 'network_change' && !marked.has(name)) marked.set(name, version);
    }
    expect(marked.size).toBe(10);
    const last = [...marked.values()].reduce((a, b) => (a > b ? a : b));
    // The stage becomes `applying` after the last mark, and only then a driver is called.
    const applying = states.find(({ kind, stage }) => kind === 'ShareNetwork' && stage === 'applying');
    expect(applying?.version).toBeGreaterThan(last);
    const calls = await scene.started('updateShareServerSecurityService');
    expect(calls).toHaveLength(10);
    const firstCall = Math.min(...calls.map(({ time }) => Date.parse(time)));
    const stored = (await storedWrites(cluster, namespace)).filter(({ time }) => time > askedAt);
    const commitAt = stored.find(({ resource }) => resource === 'sharenetworks')?.time ?? Number.POSITIVE_INFINITY;
    expect(commitAt).toBeLessThanOrEqual(firstCall);
    for (const name of marked.keys()) {
      const mark = stored.find((write) => write.resource === 'shareservers' && write.name === name);
      expect(mark?.time).toBeGreaterThanOrEqual(commitAt);
      expect(mark?.time).toBeLessThanOrEqual(firstCall);
    }
    const marks = states.filter(({ kind, phase }) => kind === 'ShareServer' && phase === 'network_change');
    for (const mark of marks) expect(mark.services).toEqual(['ad-a']);
    for (const server of await scene.servers()) {
      expect(appliedTo(server)).toEqual(['ad-b']);
      expect(server.status?.backendDetails?.security_service_active_directory).toContain('ad-b.example.com');
      expect(condition(server, 'SecurityServicesUpToDate')?.status).toBe('True');
    }
    expect(condition(changed, 'SecurityServicesUpToDate')?.status).toBe('True');
    expect(changed.status?.shareServers).toEqual({ total: 10, active: 10, networkChange: 0, error: 0 });
    expect(written).toBeLessThanOrEqual(2 * 10 + 6);
  });

  test('servers made at the same moment get different addresses', async () => {
    const scene = await Scene.make(cluster, { shares: 6 });
    const addresses = (await scene.servers()).flatMap(
      ({ status }) => status?.networkAllocations?.map(({ ipAddress }) => ipAddress) ?? [],
    );
    expect(new Set(addresses).size).toBe(6);
  });

  test('a service is added and another replaced in one change over two backends, one call a type in spec order', async () => {
    const scene = await Scene.make(cluster, { shares: 1 });
    const { namespace } = scene;
    const second = `second-${namespace}`;
    await cluster.apply(
      backend(second, { stateDirectory: cluster.stateDirectory }),
      share(namespace, 'elsewhere', { shareNetworkName: 'net', backendName: second }),
      passwordSecret(namespace, 'dir-password', 'secret-of-dir'),
      ldap(namespace, 'dir'),
    );
    await scene.shareAvailable('elsewhere');
    await scene.refer([{ type: 'ldap', name: 'dir' }, ad('ad-b')]);
    const { status } = await scene.changed('Succeeded');
    expect(status?.lastNetworkChange?.changes.map(({ type, operation }) => [type, operation])).toEqual([
      ['ldap', 'add'],
      ['active_directory', 'update'],
    ]);
    for (const server of await scene.servers()) {
      const calls = await scene.started('updateShareServerSecurityService', server.metadata.name);
      expect(calls.map(({ args }) => (args?.newSecurityService as { name: string } | undefined)?.name)).toEqual([
        'dir',
        'ad-b',
      ]);
      expect(appliedTo(server).toSorted()).toEqual(['ad-b', 'dir']);
    }
    expect(new Set((await scene.servers()).map(({ spec }) => spec.backendName)).size).toBe(2);
  });

  test('without servers references are recorded at once, may be removed, and an unknown service is waited for', async () => {
    const scene = await Scene.make(cluster);
    await scene.network('recorded', ({ status }) => status?.securityServices?.[0]?.name === 'ad-a');
    await scene.refer([]);
    await scene.network('removed', ({ status }) => status?.securityServices?.length === 0);
    await scene.refer([ad('later')]);
    const waiting = await scene.network('waits', (network) => condition(network, 'Ready')?.status === 'False');
    expect(condition(waiting, 'Ready')?.reason).toBe('SecurityServiceNotFound');
    expect(condition(waiting, 'Reconciling')?.status).toBe('True');
    expect(waiting.status?.phase).toBe('active');
    await cluster.apply({
      ...JSON.parse(await scene.kubectl('get', 'secsvc', 'ad-a', '-o', 'json')),
      metadata: { namespace: scene.namespace, name: 'later' },
      status: undefined,
    });
    await scene.network('recorded', ({ status }) => status?.securityServices?.[0]?.name === 'later');
    expect(await scene.started('updateShareServerSecurityService')).toEqual([]);
  });

  test('a changed password shows as CredentialsChanged until a reapply token asks for it, once', async () => {
    const scene = await Scene.make(cluster, { shares: 2 });
    await cluster.apply(passwordSecret(scene.namespace, 'ad-a-password', 'another-secret'));
    const lagging = await scene.network(
      'lags',
      (network) => condition(network, 'SecurityServicesUpToDate')?.status === 'False',
    );
    expect(condition(lagging, 'SecurityServicesUpToDate')?.reason).toBe('CredentialsChanged');
    expect(condition(lagging, 'Ready')?.status).toBe('True');
    expect(await scene.started('updateShareServerSecurityService')).toEqual([]);
    await scene.annotate('shnet', 'net', 'sharenet.io/reapply-requested-at=one');
    const first = await scene.changed('Succeeded');
    expect(first.status?.lastNetworkChange?.requestedBy).toBe('reapply/one');
    expect(first.status?.lastHandledReapplyAt).toBe('one');
    expect(condition(first, 'SecurityServicesUpToDate')?.status).toBe('True');
    expect(await scene.started('updateShareServerSecurityService')).toHaveLength(2);
    // The same token, applied again, is nothing new; another one takes all servers when all are up to date.
    await scene.annotate('shnet', 'net', 'sharenet.io/reapply-requested-at=one');
    await scene.annotate('shnet', 'net', 'sharenet.io/reapply-requested-at=two');
    await scene.changed('Succeeded', first.status?.lastNetworkChange?.id);
    expect(await scene.started('updateShareServerSecurityService')).toHaveLength(4);
  });

  test('a service re-created with equal content updates the uid without a driver call', async () => {
    const scene = await Scene.make(cluster, { shares: 1 });
    const before = (await scene.present()).status?.securityServices?.[0]?.uid;
    const manifest = JSON.parse(await scene.kubectl('get', 'secsvc', 'ad-a', '-o', 'json'));
    await scene.kubectl('delete', 'secsvc', 'ad-a', '--wait=false');
    await scene.kubectl('patch', 'secsvc', 'ad-a', '--type=merge', '-p', '{"metadata":{"finalizers":null}}');
    await eventually('gone', async () => !(await scene.kubectl('get', 'secsvc')).includes('ad-a '));
    await cluster.apply({ ...manifest, metadata: { namespace: scene.namespace, name: 'ad-a' }, status: undefined });
    const after = await scene.network('new uid', ({ status }) => status?.securityServices?.[0]?.uid !== before);
    expect(after.status?.lastNetworkChange).toBeUndefined();
    expect(condition(after, 'SecurityServicesUpToDate')?.status).toBe('True');
    expect(await scene.started('updateShareServerSecurityService')).toEqual([]);
  });

  test('an operation that goes on on the storage system is asked for with its token until it has ended', async () => {
    const scene = await Scene.make(cluster, { shares: 1 });
    await scene.faults({ operation: 'updateShareServerSecurityService', kind: 'inProgress' });
    await scene.refer([ad('ad-b')]);
    await scene.changed('Succeeded');
    const calls = await scene.started('updateShareServerSecurityService');
    expect(calls).toHaveLength(2);
    const operations = calls.map(({ args }) => args?.operation as { id: string; token?: string });
    expect(operations[0]?.token).toBeUndefined();
    expect(operations[1]?.token).toBeDefined();
    expect(operations[0]?.id).toBe(operations[1]?.id);
  });

  test('creating, resizing, deleting a share and granting, changing, denying a rule wait and go on by themselves', async () => {
    const scene = await Scene.make(cluster, { shares: 3 });
    const { namespace } = scene;
    await cluster.apply(access(namespace, 'kept', 'share-0'), access(namespace, 'denied', 'share-0'));
    for (const name of ['kept', 'denied']) {
      await cluster.until(shareAccesses, { namespace, name }, 'active', ({ status }) => status?.phase === 'active');
    }
    await scene.faults({ operation: 'updateShareServerSecurityService', kind: 'hang', message: 'ignore-abort 6s' });
    await scene.refer([ad('ad-b')]);
    await scene.network('in change', ({ status }) => status?.networkChange?.stage === 'applying');
    const known = (await cluster.calls()).length;
    await cluster.apply(
      scene.share('late'),
      { ...scene.share('share-1'), spec: { ...scene.share('share-1').spec, size: '2Gi' } },
      access(namespace, 'granted', 'share-0'),
      access(namespace, 'kept', 'share-0', { accessLevel: 'ro' }),
    );
    await scene.kubectl('delete', 'sha', 'denied', '--wait=false');
    await scene.kubectl('delete', 'shr', 'share-2', '--wait=false');
    const granted = await cluster.until(
      shareAccesses,
      { namespace, name: 'granted' },
      'says that it waits',
      (rule) => condition(rule, 'Ready')?.reason === 'ShareNetworkNotActive',
    );
    expect(granted.status?.phase).toBe('queued_to_apply');
    await cluster.until(
      shares,
      { namespace, name: 'late' },
      'says that it waits',
      (object) => condition(object, 'Ready')?.reason === 'ShareNetworkNotActive',
    );
    expect((await scene.present()).status?.phase).toBe('network_change');
    const meanwhile = (await cluster.calls()).slice(known).filter((call) => call.namespace === namespace);
    expect(meanwhile.filter(({ operation }) => operation !== 'updateShareServerSecurityService')).toEqual([]);
    await scene.changed('Succeeded');
    await cluster.until(
      shareAccesses,
      { namespace, name: 'granted' },
      'active',
      ({ status }) => status?.phase === 'active',
    );
    await cluster.until(shareAccesses, { namespace, name: 'kept' }, 'ro', ({ status }) => status?.accessLevel === 'ro');
    await cluster.untilGone(shareAccesses, { namespace, name: 'denied' });
    await cluster.untilGone(shares, { namespace, name: 'share-2' });
    await cluster.until(shares, { namespace, name: 'share-1' }, 'resized', ({ status }) => status?.size === '2Gi');
    await scene.shareAvailable('late');
    // The new share's server was set up with the new service.
    const { items } = await cluster.client.list(shareServers, { namespace });
    for (const server of items) expect(appliedTo(server)).toEqual(['ad-b']);
  });
});
