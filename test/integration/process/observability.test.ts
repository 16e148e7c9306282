import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { shareAccesses, shareNetworks, shareServers } from '../../../src/api/v1alpha1/resource-types.ts';
import { secrets } from '../../../src/runtime/core-types.ts';
import { eventually } from '../../faults/eventually.ts';
import { restsWith } from '../crash/agreement.ts';
import { readDummyState } from '../crash/dummy-state.ts';
import { access, activeDirectory, backend, network, passwordSecret, share } from '../manifests.ts';
import type { OperatorProcess } from '../operator-process.ts';
import { TestCluster } from '../test-cluster.ts';

describe('what an operator process tells', () => {
  let cluster: TestCluster;
  let operator: OperatorProcess;
  let namespace: string;
  let keys: readonly string[];

  beforeAll(async () => {
    cluster = await TestCluster.start();
    namespace = await cluster.namespace();
    operator = await cluster.startOperator('--leader-elect', '--log-level=trace');
    const manifest = (service: string) => network(namespace, 'net', [{ type: 'active_directory', name: service }]);
    await cluster.apply(
      backend('dummy', { stateDirectory: cluster.stateDirectory }),
      ...['ad-a', 'ad-b'].flatMap((name) => [
        passwordSecret(namespace, `${name}-password`, `hidden-${name}-word`),
        activeDirectory(namespace, name),
      ]),
      manifest('ad-a'),
      share(namespace, 's0', { shareNetworkName: 'net' }),
      access(namespace, 'alice', 's0'),
      access(namespace, 'admin', 's0'),
    );
    const alice = { namespace, name: 'alice' };
    await cluster.until(shareAccesses, alice, 'active', ({ status }) => status?.phase === 'active');
    await cluster.until(
      shareAccesses,
      { namespace, name: 'admin' },
      'error',
      ({ status }) => status?.phase === 'error',
    );
    const before = await readDummyState(cluster.stateDirectory, 'dummy');
    await cluster.client.delete(secrets, { namespace, name: 'alice-access-key' });
    await cluster.until(secrets, { namespace, name: 'alice-access-key' }, 'back', () => true);
    // The driver's own words, with the password in them.
    await cluster.apply(
      backend('dummy', {
        stateDirectory: cluster.stateDirectory,
        faults: [
          {
            operation: 'updateShareServerSecurityService',
            kind: 'rejected',
            message: 'join with hidden-ad-b-word failed',
            times: 1,
          },
        ],
      }),
    );
    await eventually('the fault is in force', async () => {
      const { metadata, status } = await cluster.client.get(
        { ...shareNetworks, kind: 'StorageBackend', plural: 'storagebackends', namespaced: false },
        { name: 'dummy' },
      );
      return status?.observedGeneration === metadata.generation;
    });
    await cluster.apply(manifest('ad-b'));
    const net = { namespace, name: 'net' };
    await cluster.until(shareNetworks, net, 'failed', ({ status }) => status?.lastNetworkChange?.result === 'Failed');
    await cluster.kubectl('annotate', '-n', namespace, 'sharenetwork', 'net', 'sharenet.io/reapply-requested-at=1');
    await cluster.until(shareNetworks, net, 'changed', (stored) => restsWith(stored, 'ad-b'));
    await cluster.until(shareAccesses, alice, 'active again', ({ status }) => status?.phase === 'active');
    const after = await readDummyState(cluster.stateDirectory, 'dummy');
    keys = [...before.keys, ...after.keys].map(({ key }) => key);
  }, 180_000);

  afterAll(async () => {
    await cluster?.stop();
  });

  test('answers its probes', async () => {
    for (const path of ['/healthz', '/readyz']) {
      const answer = await fetch(`${operator.healthURL}${path}`);
      expect([answer.status, (await answer.text()).trim()]).toEqual([200, 'ok']);
    }
    expect((await fetch(`${operator.healthURL}/metrics`)).status).toBe(404);
  });

  test('has the metrics that dashboards of controllers know, and its own', async () => {
    const text = await operator.metrics();
    const value = (series: string): number => {
      const line = text.split('\n').find((candidate) => candidate.startsWith(`${series} `));
      return Number(line?.slice(series.length + 1) ?? Number.NaN);
    };
    for (const name of [
      'controller_runtime_reconcile_total',
      'controller_runtime_reconcile_time_seconds_bucket',
      'controller_runtime_max_concurrent_reconciles',
      'controller_runtime_active_workers',
      'workqueue_depth',
      'workqueue_adds_total',
      'workqueue_queue_duration_seconds_bucket',
      'workqueue_work_duration_seconds_bucket',
      'workqueue_unfinished_work_seconds',
      'rest_client_requests_total',
      'process_cpu_seconds_total',
      'sharenet_driver_call_duration_seconds_bucket',
    ]) {
      expect(text, name).toMatch(new RegExp(`^${name}\\{?.* [0-9.e+-]+$`, 'm'));
    }
    expect(text).toContain('# TYPE sharenet_driver_calls_stuck gauge');
    expect(text).toMatch(/^leader_election_master_status\{name="sharenet-operator"\} 1$/m);
    expect(value('sharenet_objects{kind="ShareNetwork",phase="active"}')).toBe(1);
    expect(value('sharenet_objects{kind="ShareServer",phase="active"}')).toBe(1);
    expect(value('sharenet_objects{kind="ShareAccess",phase="active"}')).toBe(1);
    expect(value('sharenet_objects{kind="ShareAccess",phase="error"}')).toBe(1);
    expect(value('sharenet_objects{kind="SecurityService",phase="Ready"}')).toBe(2);
    expect(value('sharenet_time_to_ready_seconds_count{kind="ShareAccess"}')).toBe(1);
    expect(value('sharenet_time_to_ready_seconds_count{kind="Share"}')).toBe(1);
    expect(value('sharenet_network_change_duration_seconds_count{result="Failed"}')).toBe(1);
    expect(value('sharenet_network_change_duration_seconds_count{result="Succeeded"}')).toBe(1);
    expect(value('sharenet_access_recoveries_total{result="succeeded"}')).toBeGreaterThanOrEqual(2);
    expect(
      value(
        'sharenet_driver_call_errors_total{backend="dummy",operation="updateShareServerSecurityService",kind="Rejected"}',
      ),
    ).toBe(1);
  });

  test('logs JSON lines, those of a reconcile with its id and object', async () => {
    const lines = (await operator.log()).trimEnd().split('\n');
    const parsed = lines.map((line): Record<string, unknown> => JSON.parse(line));
    for (const line of parsed) expect(line).toMatchObject({ level: expect.any(String), msg: expect.any(String) });
    const created = parsed.find(({ msg }) => msg === 'share created');
    expect(created).toMatchObject({
      controller: 'share',
      namespace,
      name: 's0',
      reconcileID: expect.stringMatching(/^[0-9a-f-]{36}$/),
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    });
  });

  test('has every counter from the start, at zero for what has not happened yet', async () => {
    const text = await operator.metrics();
    const counters = [...text.matchAll(/^# TYPE (\S+) counter$/gm)].map(([, name = '']) => name);
    const without = counters.filter((name) => !new RegExp(`^${name}(?:\\{.*\\})? [0-9.e+-]+$`, 'm').test(text));
    expect(counters.length).toBeGreaterThan(15);
    // Nothing was refused, and what could be is not known beforehand.
    expect(without).toEqual(['rest_client_refused_writes_total']);
    const series = new Set(text.split('\n').map((line) => line.replace(/ \S+$/, '')));
    const labelsOf = (name: string, label: string) =>
      new Set(
        [...series].flatMap((line) => (line.startsWith(`${name}{`) ? [line.match(`${label}="([^"]*)"`)?.[1]] : [])),
      );
    const controllers = labelsOf('controller_runtime_max_concurrent_reconciles', 'controller');
    expect(controllers.size).toBeGreaterThan(4);
    for (const controller of controllers) {
      for (const what of ['errors', 'panics', 'timeouts', 'blocking']) {
        expect(series).toContain(`controller_runtime_reconcile_${what}_total{controller="${controller}"}`);
      }
      for (const result of ['success', 'requeue', 'requeue_after', 'error']) {
        expect(series).toContain(`controller_runtime_reconcile_total{controller="${controller}",result="${result}"}`);
      }
      for (const name of ['workqueue_adds_total', 'workqueue_retries_total']) {
        expect(series).toContain(`${name}{name="${controller}",controller="${controller}"}`);
      }
    }
    for (const name of ['reflector_lists_total', 'reflector_watches_total', 'reflector_errors_total']) {
      for (const kind of ['storagebackends', 'shares', 'shareaccesses', 'secrets', 'namespaces']) {
        expect(series).toContain(`${name}{name="${kind}"}`);
      }
    }
    for (const kind of ['Unavailable', 'Rejected', 'NotFound', 'Internal']) {
      for (const operation of ['createShare', 'updateAccess', 'ensureServer']) {
        expect(series).toContain(
          `sharenet_driver_call_errors_total{backend="dummy",operation="${operation}",kind="${kind}"}`,
        );
      }
    }
    expect(series).toContain('sharenet_access_recoveries_total{result="failed"}');
    expect(series).toContain('event_recorder_dropped_total{cause="queue full"}');
  });

  test('tells no password and no key, neither in logs, metrics, events nor objects', async () => {
    const objects = await cluster.kubectl('get', 'sharenet,events', '-A', '-o', 'json');
    const server = (await cluster.client.list(shareServers, { namespace })).items[0];
    const told = {
      log: await operator.log(),
      metrics: await operator.metrics(),
      objects,
      server: JSON.stringify(server),
      calls: JSON.stringify(await cluster.calls()),
    };
    expect(told.log).toContain('[redacted]');
    expect(keys.length).toBeGreaterThan(0);
    const hidden = [...keys, 'hidden-ad-a-word', 'hidden-ad-b-word'];
    const spoken = [...hidden, ...hidden.map((text) => Buffer.from(text).toString('base64'))];
    for (const [where, text] of Object.entries(told)) {
      // The fault's message is an administrator's own, in the backend's spec and in the log of the dummy storage system.
      const mine =
        where === 'objects' || where === 'calls' ? text.replaceAll('join with hidden-ad-b-word failed', '') : text;
      expect(
        spoken.filter((secret) => mine.includes(secret)),
        where,
      ).toEqual([]);
    }
  });
});
