import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { shareAccesses, shares } from '../../../src/api/v1alpha1/resource-types.ts';
import { eventually } from '../../faults/eventually.ts';
import { access } from '../manifests.ts';
import { TestCluster } from '../test-cluster.ts';
import { ad, appliedTo, condition, Scene } from './scene.ts';

const update = 'updateShareServerSecurityService';
const check = 'checkUpdateShareServerSecurityService';

describe('failures in a change of security services', () => {
  let cluster: TestCluster;

  beforeAll(async () => {
    cluster = await TestCluster.start();
    await cluster.startOperator();
  }, 120_000);

  afterAll(async () => {
    await cluster.stop();
  });

  async function ruleOf(scene: Scene, name: string, what: string, phase: string) {
    return await cluster.until(
      shareAccesses,
      { namespace: scene.namespace, name },
      what,
      ({ status }) => status?.phase === phase,
      40_000,
    );
  }

  /** A scene of so many servers, a rule on each share, and the first server failing its update. */
  async function oneFails(count: number, networkSpec = {}): Promise<{ scene: Scene; failed: string; share: string }> {
    const scene = await Scene.make(cluster, { shares: count, networkSpec });
    const { namespace } = scene;
    for (let index = 0; index < count; index += 1) {
      await cluster.apply(access(namespace, `rule-${index}`, `share-${index}`));
    }
    for (let index = 0; index < count; index += 1) await ruleOf(scene, `rule-${index}`, 'active', 'active');
    const failed = await scene.serverName(0);
    const { items } = await cluster.client.list(shares, { namespace });
    const share = items.find(({ status }) => status?.shareServerName === failed)?.metadata.name ?? '';
    await scene.faults({
      operation: update,
      kind: 'rejected',
      match: { shareServer: failed },
      message: 'the domain says no',
    });
    return { scene, failed, share };
  }

  test('a failure is contained; a reapply token brings only the failed server and its rules back, once', async () => {
    const { scene, failed, share } = await oneFails(3);
    const rule = share.replace('share', 'rule');
    await scene.refer([ad('ad-b')]);
    const network = await scene.changed('Failed');
    expect(network.status?.lastNetworkChange?.failedServers).toEqual([failed]);
    expect(condition(network, 'SecurityServicesUpToDate')).toMatchObject({ status: 'False', reason: 'UpdateFailed' });
    expect(condition(network, 'Stalled')?.message).toContain('the domain says no');
    expect(network.status?.securityServices?.map(({ name }) => name)).toEqual(['ad-b']);
    for (const server of await scene.servers()) {
      const isFailed = server.metadata.name === failed;
      expect(server.status?.phase).toBe(isFailed ? 'error' : 'active');
      expect(appliedTo(server)).toEqual([isFailed ? 'ad-a' : 'ad-b']);
      expect(server.status?.backendDetails?.security_service_active_directory).toContain('ad-b.example.com');
      if (!isFailed) continue;
      expect(server.status?.lastError).toMatchObject({
        operation: update,
        message: expect.stringContaining('domain says no'),
      });
      expect(server.status?.attempted?.map(({ name }) => name)).toEqual(['ad-b']);
    }
    expect(await scene.event('UpdateFailed', failed)).toContain('the domain says no');
    expect(await scene.event('NetworkChangeFailed', 'net')).toContain(failed);
    await ruleOf(scene, rule, 'in error', 'error');
    const still = await cluster.client.get(shares, { namespace: scene.namespace, name: share });
    expect(still.status?.phase).toBe('available');

    await scene.faults();
    await scene.annotate('shnet', 'net', 'sharenet.io/reapply-requested-at=again');
    await scene.changed('Succeeded');
    await ruleOf(scene, rule, 'active again', 'active');
    const calls = await scene.started(update);
    expect(calls).toHaveLength(4);
    const retry = calls.at(-1);
    expect(retry?.shareServer).toBe(failed);
    expect(retry?.args).toMatchObject({
      newSecurityService: { name: 'ad-b' },
      currentSecurityService: { name: 'ad-a' },
      attemptedSecurityService: { name: 'ad-b' },
    });
    const repaired = await scene.server(failed, 'active', ({ status }) => status?.phase === 'active');
    expect(repaired.status?.lastError).toBeUndefined();
    expect(repaired.status?.attempted).toBeUndefined();
  });

  test('a corrected service takes every server along, the failed one as well', async () => {
    const { scene, failed } = await oneFails(2);
    await scene.refer([ad('ad-b')]);
    await scene.changed('Failed');
    await scene.faults();
    await scene.refer([ad('ad-c')]);
    await scene.changed('Succeeded');
    for (const server of await scene.servers()) expect(appliedTo(server)).toEqual(['ad-c']);
    expect((await scene.started(update, failed)).at(-1)?.args).toMatchObject({
      currentSecurityService: { name: 'ad-a' },
      attemptedSecurityService: { name: 'ad-b' },
    });
  });

  test('a server that an administrator resets gets its rules back by recovery', async () => {
    const { scene, failed, share } = await oneFails(2);
    const rule = share.replace('share', 'rule');
    await scene.refer([ad('ad-b')]);
    await scene.changed('Failed');
    await ruleOf(scene, rule, 'in error', 'error');
    const before = (await scene.started('updateAccess')).length;
    await scene.reset('shareserver', failed, 'active');
    await ruleOf(scene, rule, 'active again', 'active');
    expect(await scene.event('StatusReset', failed)).toMatch(/from error to active by field manager kubectl/);
    const recovery = (await scene.started('updateAccess')).slice(before);
    expect(recovery.map((call) => call.share)).toEqual([share]);
    expect(recovery[0]?.args).toMatchObject({ addRules: [], deleteRules: [], updateRules: [] });
    const server = await scene.server(
      failed,
      'noted',
      (object) => condition(object, 'SecurityServicesUpToDate')?.reason === 'StatusReset',
    );
    expect(appliedTo(server)).toEqual(['ad-a']);
    await scene.network(
      'outdated',
      (object) => condition(object, 'SecurityServicesUpToDate')?.reason === 'ShareServersOutdated',
    );
  });

  test('a canary stops after its first failure, and a token takes up the rest', async () => {
    const scene = await Scene.make(cluster, {
      shares: 4,
      networkSpec: { securityServiceChange: { maxConcurrentServers: 1, maxFailures: 1 } },
    });
    const policy = { securityServiceChange: { maxConcurrentServers: 1, maxFailures: 1 } };
    await scene.faults({ operation: update, kind: 'rejected', times: 1 });
    await scene.refer([ad('ad-b')], policy);
    const network = await scene.changed('Failed');
    expect(network.status?.lastNetworkChange).toMatchObject({ failed: 1, notAttempted: 3 });
    expect(await scene.started(update)).toHaveLength(1);
    const servers = await scene.servers();
    expect(servers.filter(({ status }) => status?.phase === 'active')).toHaveLength(3);
    for (const server of servers.filter(({ status }) => status?.phase === 'active')) {
      expect(appliedTo(server)).toEqual(['ad-a']);
      expect(server.status?.backendDetails?.security_service_active_directory).toContain('ad-a.example.com');
      expect(condition(server, 'SecurityServicesUpToDate')?.reason).toBe('NotAttempted');
    }
    expect(condition(network, 'Stalled')?.status).toBe('True');
    await scene.annotate('shnet', 'net', 'sharenet.io/reapply-requested-at=go-on');
    await scene.changed('Succeeded');
    for (const server of await scene.servers()) expect(appliedTo(server)).toEqual(['ad-b']);
    const calls = await scene.started(update);
    expect(calls).toHaveLength(5);
    // One after another: each call starts after the one before has ended.
    const log = (await cluster.calls()).filter(
      ({ namespace, operation }) => namespace === scene.namespace && operation === update,
    );
    expect(log.map(({ event }) => event)).toEqual(Array.from({ length: 5 }, () => ['start', 'end']).flat());
  });

  test('a canary that failed before and is stopped again before its turn stays in error', async () => {
    const scene = await Scene.make(cluster, { shares: 2 });
    const policy = { securityServiceChange: { maxConcurrentServers: 1, maxFailures: 1 } };
    await scene.faults({ operation: update, kind: 'rejected' });
    await scene.refer([ad('ad-b')]);
    const first = await scene.changed('Failed');
    expect(first.status?.lastNetworkChange?.failed).toBe(2);
    await scene.refer([ad('ad-c')], policy);
    const second = await scene.changed('Failed', first.status?.lastNetworkChange?.id);
    expect(second.status?.lastNetworkChange).toMatchObject({ failed: 1, notAttempted: 1 });
    for (const { status } of await scene.servers()) expect(status?.phase).toBe('error');
  });

  test('an aborted change leaves the servers whose call has not begun as they were', async () => {
    const policy = { securityServiceChange: { maxConcurrentServers: 1 } };
    const scene = await Scene.make(cluster, { shares: 3, networkSpec: policy });
    await scene.faults({ operation: update, kind: 'hang', message: 'ignore-abort 3s', times: 1 });
    await scene.refer([ad('ad-b')], policy);
    await eventually('first call', async () => (await scene.started(update)).length === 1, 30_000);
    const { status } = await scene.present();
    await scene.annotate('shnet', 'net', `sharenet.io/abort-change=${status?.networkChange?.id}`);
    const network = await scene.changed('Stopped');
    expect(network.status?.lastNetworkChange?.notAttempted).toBe(2);
    expect(await scene.started(update)).toHaveLength(1);
    expect((await scene.servers()).flatMap(appliedTo).toSorted()).toEqual(['ad-a', 'ad-a', 'ad-b']);
  });

  test('a transient error is tried again with pauses; the operation keeps its id', async () => {
    const scene = await Scene.make(cluster, { shares: 1 });
    await scene.faults({ operation: update, kind: 'unavailable', times: 3 });
    await scene.refer([ad('ad-b')]);
    await scene.changed('Succeeded');
    const calls = await scene.started(update);
    expect(calls).toHaveLength(4);
    expect(new Set(calls.map(({ args }) => (args?.operation as { id: string } | undefined)?.id)).size).toBe(1);
    const gaps = calls.slice(1).map(({ time }, index) => Date.parse(time) - Date.parse(calls[index]?.time ?? ''));
    for (const gap of gaps) expect(gap).toBeGreaterThanOrEqual(95);
  });

  test('at changeTimeout the user reads what the storage system said last', async () => {
    const scene = await Scene.make(cluster, {
      shares: 1,
      // The last pause ends with the time: a call that begins then is cut off before the storage system says anything.
      dummy: { latency: '300ms' },
      backendSpec: { operationTimeout: '1s', changeTimeout: '2s' },
    });
    await scene.faults({ operation: update, kind: 'unavailable', message: 'the domain controller is away' });
    await scene.refer([ad('ad-b')]);
    await scene.changed('Failed');
    const server = await scene.server(await scene.serverName(0), 'in error', ({ status }) => status?.phase === 'error');
    expect(server.status?.lastError?.reason).toBe('ChangeTimedOut');
    expect(server.status?.lastError?.message).toContain('the domain controller is away');
  });

  test('a call that never ends is timed out, never doubled, fences its server alone and fails it at changeTimeout', async () => {
    const scene = await Scene.make(cluster, {
      shares: 3,
      backendSpec: { operationTimeout: '1s', changeTimeout: '4s', maxConcurrentOperations: 4 },
    });
    const stuck = await scene.serverName(1);
    await scene.faults({ operation: update, kind: 'hang', message: 'ignore-abort', match: { shareServer: stuck } });
    await scene.refer([ad('ad-b')]);
    const network = await scene.changed('Failed');
    expect(network.status?.lastNetworkChange?.failedServers).toEqual([stuck]);
    expect(await scene.started(update, stuck)).toHaveLength(1);
    const server = await scene.server(stuck, 'in error', ({ status }) => status?.phase === 'error');
    expect(server.status?.lastError?.reason).toBe('ChangeTimedOut');
    for (const other of await scene.servers()) {
      if (other.metadata.name !== stuck) expect(appliedTo(other)).toEqual(['ad-b']);
    }
    // The other servers' shares are served, on the same network and backend.
    const { items } = await cluster.client.list(shares, { namespace: scene.namespace });
    const free = items.find(({ status }) => status?.shareServerName !== stuck)?.metadata.name ?? '';
    await cluster.apply(access(scene.namespace, 'elsewhere', free));
    await ruleOf(scene, 'elsewhere', 'active', 'active');
  });

  test('a refused check changes nothing and is not asked again until the content or the token is another', async () => {
    const scene = await Scene.make(cluster, { shares: 2 });
    await scene.faults({
      operation: check,
      kind: 'incompatible',
      message: 'not this domain',
      match: { securityService: 'ad-b' },
    });
    await scene.refer([ad('ad-b')]);
    const stalled = await scene.network('stalled', (network) => condition(network, 'Stalled')?.status === 'True');
    expect(condition(stalled, 'Stalled')?.message).toContain('not this domain');
    expect(stalled.status?.securityServices?.map(({ name }) => name)).toEqual(['ad-a']);
    const asked = (await scene.started(check)).length;
    await scene.annotate('shnet', 'net', 'unrelated=edit');
    await scene.annotate('shsrv', await scene.serverName(0), 'unrelated=edit');
    await cluster.apply(access(scene.namespace, 'meanwhile', 'share-0'));
    await ruleOf(scene, 'meanwhile', 'active', 'active');
    expect(await scene.started(check)).toHaveLength(asked);
    await scene.annotate('shnet', 'net', 'sharenet.io/reapply-requested-at=ask-again');
    await eventually('asked again', async () => (await scene.started(check)).length > asked, 20_000);
    expect(await scene.started(update)).toEqual([]);
    await scene.refer([ad('ad-c')]);
    await scene.changed('Succeeded');
  });

  test('a Secret that vanishes after the commit fails the servers that still need it', async () => {
    const policy = { securityServiceChange: { maxConcurrentServers: 1 } };
    const scene = await Scene.make(cluster, { shares: 2, networkSpec: policy });
    await scene.faults({ operation: update, kind: 'hang', message: 'ignore-abort 3s', times: 1 });
    await scene.refer([ad('ad-b')], policy);
    await eventually('first call', async () => (await scene.started(update)).length === 1, 30_000);
    await scene.kubectl('delete', 'secret', 'ad-b-password');
    const network = await scene.changed('Failed');
    expect(network.status?.lastNetworkChange?.failed).toBe(1);
    const failed = (await scene.servers()).find(({ status }) => status?.phase === 'error');
    expect(failed?.status?.lastError?.reason).toBe('CredentialsNotFound');
    expect(await scene.started(update)).toHaveLength(1);
  });
});
