import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FaultyApiServer } from '../../test/faults/api-server.ts';
import { eventually } from '../../test/faults/eventually.ts';
import { createApiClient, type HttpApiClient } from './api-client.ts';
import type { KubeObject, ResourceType } from './kube-object.ts';
import { LeadershipLostError } from './leader-election.ts';
import { createLogger } from './logger.ts';
import { Manager, type ManagerOptions } from './manager.ts';
import { RuntimeMetrics } from './metrics.ts';

const widgets: ResourceType = {
  group: 'example.org',
  version: 'v1',
  kind: 'Widget',
  plural: 'widgets',
  namespaced: true,
};
const collection = '/apis/example.org/v1/widgets';
const widget = (name: string): KubeObject => ({ metadata: { namespace: 'a', name } });
const quickLease = { leaseDurationMs: 2_000, renewDeadlineMs: 500, retryPeriodMs: 100 };

describe('the manager', () => {
  let server: FaultyApiServer;
  let client: HttpApiClient;
  let stop: AbortController;
  let runs: Promise<unknown>[];

  beforeEach(async () => {
    server = await FaultyApiServer.start();
    stop = new AbortController();
    runs = [];
    client = clientOf();
  });

  afterEach(async () => {
    stop.abort();
    await Promise.allSettled(runs);
    await client.close();
    await server.stop();
  });

  const logger = createLogger({ level: 'silent', format: 'json' });
  const clientOf = () =>
    createApiClient({ kubeConfig: server.kubeConfig, fieldManager: 'test', userAgent: 'test', logger });
  const managerOf = (options: Partial<ManagerOptions> = {}) =>
    new Manager({ client, logger, metrics: new RuntimeMetrics(), gracefulShutdownMs: 2_000, ...options });

  function run(manager: Manager, signal = stop.signal): Promise<void> {
    const running = manager.run(signal);
    runs.push(running.catch(() => undefined));
    return running;
  }

  it('reconciles only when all caches are full, and ends with its signal', async () => {
    server.put(collection, widget('one'));
    const manager = managerOf();
    const informer = manager.informer({ type: widgets });
    const other = manager.informer({ type: widgets, labelSelector: 'a=b' });
    const seen: [string, boolean, boolean][] = [];
    const controller = manager.controller({
      name: 'widget',
      workers: 1,
      reconcile: async ({ key }) => void seen.push([key.name, informer.synced, other.synced]),
    });
    controller.watch(informer);
    const running = run(manager);
    await eventually('a reconcile', () => seen.length === 1);
    expect(seen).toEqual([['one', true, true]]);
    server.put(collection, widget('two'));
    await eventually('the next', () => seen.length === 2);
    stop.abort();
    await running;
  });

  it('shares the informer of the same selection, and adds its indexes', () => {
    const manager = managerOf({ watchNamespaces: ['a'] });
    const one = manager.informer({ type: widgets });
    const byName = (object: KubeObject) => [object.metadata.name];
    expect(manager.informer({ type: widgets, indexers: { byName } })).toBe(one);
    expect(one.cache.byIndex('byName', 'x')).toEqual([]);
    expect(manager.informer({ type: widgets, labelSelector: 'a=b' })).not.toBe(one);
    expect(() => manager.informer({ type: widgets, indexers: { byName: () => [] } })).toThrow('another function');
  });

  it('answers probes and metrics', async () => {
    let served = false;
    server.fault = () => (served ? undefined : { status: 404 });
    let reason: true | string = 'not yet';
    const manager = managerOf({
      healthProbeBindAddress: '127.0.0.1:0',
      metricsBindAddress: '127.0.0.1:0',
      reflectorTimings: { backOffMaxMs: 20 },
    });
    manager.informer({ type: widgets });
    manager.addReadyCheck('webhook', () => reason);
    manager.controller({ name: 'widget', workers: 1, reconcile: async () => undefined });
    run(manager);
    const { health, metrics } = await eventually('the servers', () => manager.ports.metrics > 0 && manager.ports);
    const get = async (port: number, path: string) => {
      const response = await fetch(`http://127.0.0.1:${port}${path}`);
      return `${response.status} ${await response.text()}`;
    };
    expect(await get(health, '/healthz')).toBe('200 ok\n');
    expect(await get(health, '/readyz')).toBe('503 [-]informers not synced: widgets\n[-]webhook not yet\n');
    served = true;
    await eventually('sync', async () => (await get(health, '/readyz')).includes('[+]informers ok'));
    reason = true;
    expect(await get(health, '/readyz')).toBe('200 ok\n');
    expect(await get(metrics, '/metrics')).toContain(
      'controller_runtime_max_concurrent_reconciles{controller="widget"} 1',
    );
    expect(await get(metrics, '/')).toContain('404');
  });

  it('rejects with a clear error when a port is taken', async () => {
    const port = new URL(server.url).port;
    await expect(managerOf({ healthProbeBindAddress: `127.0.0.1:${port}` }).run(stop.signal)).rejects.toThrow(
      `the health probe server can not listen on 127.0.0.1:${port}: listen EADDRINUSE`,
    );
  });

  it('stops when a runnable fails, with its error', async () => {
    const manager = managerOf();
    manager.addRunnable({ name: 'broken', start: async () => Promise.reject(new Error('it broke')) });
    await expect(run(manager)).rejects.toThrow('it broke');
  });

  it('ends well when a runnable rejects because it was told to stop', async () => {
    const manager = managerOf();
    manager.addRunnable({
      name: 'abrupt',
      start: (signal) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    });
    const running = run(manager);
    await new Promise((resolve) => setTimeout(resolve, 50));
    stop.abort();
    await running;
  });

  it('waits for running reconciles, then cleans up, then releases the lease', async () => {
    const order: string[] = [];
    const lease = { namespace: 'a', name: 'lease' };
    const manager = managerOf({ leaderElection: { lease, identity: 'one', ...quickLease } });
    const finish = Promise.withResolvers<void>();
    const controller = manager.controller({
      name: 'widget',
      workers: 1,
      reconcile: async ({ signal }) => {
        order.push('started');
        await finish.promise;
        order.push(signal.aborted ? 'finished, aborted' : 'finished');
      },
    });
    manager.addCleanup(async () => void order.push('cleaned up'));
    controller.enqueue({ name: 'one' });
    const running = run(manager);
    await eventually('a reconcile', () => order.length === 1);
    server.fault = ({ method, path }) => {
      if (method === 'PUT' && order.length > 1) order.push(path);
      return undefined;
    };
    stop.abort();
    await new Promise((resolve) => setTimeout(resolve, 400));
    finish.resolve();
    await running;
    // On a slow machine the lease may be renewed once more in between; its release is the last request.
    const path = '/apis/coordination.k8s.io/v1/namespaces/a/leases/lease';
    expect(order.filter((entry) => entry !== path)).toEqual(['started', 'finished, aborted', 'cleaned up']);
    expect(order.at(-1)).toBe(path);
  });

  it('does not release the lease while a reconcile does not end', async () => {
    const lease = { namespace: 'a', name: 'lease' };
    const manager = managerOf({ leaderElection: { lease, identity: 'one', ...quickLease }, gracefulShutdownMs: 100 });
    let started = false;
    const controller = manager.controller({
      name: 'widget',
      workers: 1,
      reconcile: () => {
        started = true;
        return new Promise(() => {});
      },
    });
    controller.enqueue({ name: 'one' });
    const running = run(manager);
    await eventually('a reconcile', () => started);
    stop.abort();
    await running;
    const left = await client.get({ ...widgets, group: 'coordination.k8s.io', plural: 'leases' }, lease);
    expect(left).toMatchObject({ spec: { holderIdentity: 'one' } });
  });

  it('stops all work, refuses writes and rejects when the lease is lost', async () => {
    const lease = { namespace: 'a', name: 'lease' };
    const manager = managerOf({ leaderElection: { lease, identity: 'one', ...quickLease } });
    let aborted = false;
    let write: unknown;
    const controller = manager.controller({
      name: 'widget',
      workers: 1,
      reconcile: async ({ signal }) => {
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
        aborted = true;
        server.fault = () => undefined;
        write = await client.create(widgets, widget('late')).catch((error) => error.reason);
      },
    });
    controller.enqueue({ name: 'one' });
    const running = run(manager);
    await eventually('leadership', () => server.requests.some(({ method }) => method === 'POST'));
    server.fault = ({ path }) => (path.includes('leases') ? { status: 500 } : undefined);
    const started = Date.now();
    await expect(running).rejects.toBeInstanceOf(LeadershipLostError);
    expect(Date.now() - started).toBeLessThan(2_000);
    expect([aborted, write]).toEqual([true, 'WriteRefused']);
  });

  it('lets a second manager keep its caches and wait, and take over after a release', async () => {
    server.put(collection, widget('one'));
    const leaders: string[] = [];
    const start = (identity: string, signal: AbortSignal) => {
      const own = clientOf();
      const election = { lease: { namespace: 'a', name: 'lease' }, identity, ...quickLease };
      const manager = managerOf({ client: own, leaderElection: election });
      const informer = manager.informer({ type: widgets });
      const controller = manager.controller({
        name: 'widget',
        workers: 1,
        reconcile: async () => void leaders.push(identity),
      });
      controller.watch(informer);
      return { informer, running: run(manager, signal).finally(() => own.close()) };
    };
    const first = new AbortController();
    const one = start('one', first.signal);
    await eventually('the first leads', () => leaders.length === 1);
    const two = start('two', stop.signal);
    await two.informer.whenSynced();
    expect(leaders).toEqual(['one']);
    first.abort();
    await one.running;
    await eventually('the second leads', () => leaders.length === 2, 1_500);
    expect(leaders).toEqual(['one', 'two']);
  });
});
