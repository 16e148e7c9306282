import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { shareAccesses, shareNetworks } from '../../../src/api/v1alpha1/resource-types.ts';
import type { DummyBackendConfig } from '../../../src/drivers/dummy/config.ts';
import { eventually } from '../../faults/eventually.ts';
import { readAuditLog } from '../audit-log.ts';
import { restsWith } from '../crash/agreement.ts';
import { access, activeDirectory, backend, network, passwordSecret, share } from '../manifests.ts';
import { OperatorProcess } from '../operator-process.ts';
import { type RecordedCall, TestCluster } from '../test-cluster.ts';

const update = 'updateShareServerSecurityService';

describe('the end of an operator process', () => {
  let cluster: TestCluster;
  let namespace: string;
  const running: OperatorProcess[] = [];

  beforeAll(async () => {
    cluster = await TestCluster.start();
  }, 180_000);

  beforeEach(async () => {
    namespace = await cluster.namespace();
    await cluster.apply(backend('dummy', { stateDirectory: cluster.stateDirectory }));
    const operator = await start();
    await cluster.apply(
      ...['ad-a', 'ad-b'].flatMap((name) => [
        passwordSecret(namespace, `${name}-password`, `secret-${name}`),
        activeDirectory(namespace, name),
      ]),
      manifest('ad-a'),
      share(namespace, 's0', { shareNetworkName: 'net' }),
      access(namespace, `${namespace}-alice`, 's0'),
    );
    await cluster.until(
      shareAccesses,
      { namespace, name: `${namespace}-alice` },
      'active',
      ({ status }) => status?.phase === 'active',
    );
    await operator.stop();
  });

  afterAll(async () => {
    for (const operator of running) await operator.kill();
    await cluster?.stop();
  });

  const manifest = (service: string) => network(namespace, 'net', [{ type: 'active_directory', name: service }]);

  async function start(...args: readonly string[]): Promise<OperatorProcess> {
    const operator = await OperatorProcess.start(cluster.operatorKubeconfig, args);
    running.push(operator);
    return operator;
  }

  /** Makes the driver's updates behave so, and asks for one; resolves when it has begun. */
  async function beginUpdate(
    dummy: DummyBackendConfig,
    operator: () => Promise<OperatorProcess>,
  ): Promise<OperatorProcess> {
    await cluster.apply(backend('dummy', { stateDirectory: cluster.stateDirectory, ...dummy }));
    const process = await operator();
    await cluster.apply(manifest('ad-b'));
    await eventually('the update has begun', async () => (await updates()).length > 0, 30_000);
    return process;
  }

  async function updates(): Promise<readonly RecordedCall[]> {
    return (await cluster.calls()).filter((call) => call.operation === update && call.namespace === namespace);
  }

  /** Lines of the audit log about writes of the operator, in order. */
  async function operatorWrites(): Promise<readonly string[]> {
    return (await readAuditLog(cluster.plane))
      .filter(
        ({ verb, userAgent }) =>
          userAgent?.startsWith('sharenet-operator/') && !['get', 'list', 'watch'].includes(verb),
      )
      .map(({ verb, requestURI }) => `${verb} ${requestURI}`);
  }

  test('a restart with nothing to do writes nothing and is ready at once', async () => {
    // The first start may still have events and counts to write.
    const first = await start();
    await eventually('nothing more to write', async () => {
      const before = (await operatorWrites()).length;
      await new Promise((resolve) => setTimeout(resolve, 1500));
      return (await operatorWrites()).length === before;
    });
    await first.stop();
    const before = await operatorWrites();
    const began = Date.now();
    const second = await start();
    const readyMs = Date.now() - began;
    await eventually('all queues are empty', async () => {
      const text = await second.metrics();
      const depths = [...text.matchAll(/^workqueue_depth\{.*\} (\d+)$/gm)];
      const reconciled = /controller_runtime_reconcile_total\{controller="shareaccess",result="\w+"\} [1-9]/.test(text);
      return depths.length > 0 && depths.every(([, depth]) => depth === '0') && reconciled;
    });
    await new Promise((resolve) => setTimeout(resolve, 1500));
    const text = await second.metrics();
    expect(text.match(/^rest_client_requests_total\{.*method="(?:POST|PUT|PATCH|DELETE)".*$/gm)).toBeNull();
    expect((await operatorWrites()).slice(before.length)).toEqual([]);
    expect(readyMs).toBeLessThan(15_000);
    expect(await second.stop()).toBe(0);
  });

  test('SIGTERM waits for a driver call and stores what it did', { timeout: 120_000 }, async () => {
    const operator = await beginUpdate({ latency: '3s' }, start);
    const began = Date.now();
    expect(await operator.stop()).toBe(0);
    expect(Date.now() - began).toBeLessThan(30_000);
    const calls = await updates();
    expect(calls.map(({ event, result }) => [event, result])).toEqual([
      ['start', undefined],
      ['end', 'ok'],
    ]);
    const next = await start();
    await cluster.until(shareNetworks, { namespace, name: 'net' }, 'changed', (stored) => restsWith(stored, 'ad-b'));
    expect(await updates()).toHaveLength(2);
    await next.stop();
  });

  test('a call that is longer than the patience is gone on with by the next process', {
    timeout: 180_000,
  }, async () => {
    const fault = { operation: update, kind: 'hang', message: 'ignore-abort', match: { namespace }, times: 1 } as const;
    const operator = await beginUpdate({ faults: [fault] }, start);
    const began = Date.now();
    expect(await operator.stop()).toBe(0);
    expect(Date.now() - began).toBeLessThan(30_000);
    expect(await operator.log()).toContain('not everything ended in time');
    const next = await start();
    await cluster.until(
      shareNetworks,
      { namespace, name: 'net' },
      'changed',
      (stored) => restsWith(stored, 'ad-b'),
      60_000,
    );
    const calls = await updates();
    expect(calls.map(({ event }) => event)).toEqual(['start', 'start', 'end']);
    expect(new Set(calls.map(({ args }) => JSON.stringify(idOf(args)))).size).toBe(1);
    await next.stop();
  });

  test('another replica completes what the leader was killed in', { timeout: 180_000 }, async () => {
    const elect = ['--leader-elect', '--leader-election-lease-duration=3'];
    await cluster.apply(backend('dummy', { stateDirectory: cluster.stateDirectory, latency: '2s' }));
    const leader = await start(...elect);
    await eventually('it leads', async () => /leader_election_master_status\{.*\} 1/.test(await leader.metrics()));
    const follower = await start(...elect);
    await cluster.apply(manifest('ad-b'));
    await eventually('the update has begun', async () => (await updates()).length > 0, 30_000);
    const began = (await updates()).length;
    expect(await follower.metrics()).toMatch(/leader_election_master_status\{.*\} 0/);
    await leader.kill();
    await cluster.until(
      shareNetworks,
      { namespace, name: 'net' },
      'changed',
      (stored) => restsWith(stored, 'ad-b'),
      60_000,
    );
    expect(began).toBe(1);
    expect((await updates()).map(({ event }) => event)).toEqual(['start', 'start', 'end']);
    expect(new Set((await updates()).map(({ args }) => JSON.stringify(idOf(args)))).size).toBe(1);
    expect(await follower.stop()).toBe(0);
  });
});

/** The operation's id in a line of the call log. */
function idOf(args: RecordedCall['args']): unknown {
  const operation = args?.operation;
  return typeof operation === 'object' && operation !== null && 'id' in operation ? operation.id : undefined;
}
