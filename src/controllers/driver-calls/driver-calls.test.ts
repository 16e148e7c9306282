import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../test/faults/manual-clock.ts';
import type { CallContext } from '../../drivers/driver.ts';
import { createDriverRig } from '../../drivers/dummy/driver-rig.ts';
import { DriverError, InProgress } from '../../drivers/errors.ts';
import { createLogger } from '../../runtime/logger.ts';
import type { Fence } from './call-runner.ts';
import type { CallOptions, CallScope } from './call-scope.ts';
import { DriverCallMetrics } from './driver-call-metrics.ts';
import { DriverCalls } from './driver-calls.ts';
import { DriverInstances } from './driver-instances.ts';

const never = new AbortController().signal;
const options: CallOptions = { operation: 'createShare', id: 'op-1', timeoutMs: 60_000 };
const scope: CallScope = {
  backendName: 'b',
  tenant: { namespace: 'ns', namespaceUID: 'uid-ns' },
  networkUID: 'net',
  server: { uid: 'server-1', mode: 'shared', secrets: ['server-secret'] },
  shareUID: 'share-1',
};

async function setUp(fence?: Fence) {
  const clock = new ManualClock();
  const lines: string[] = [];
  const logger = createLogger({ level: 'debug', format: 'json', destination: { write: (line) => lines.push(line) } });
  const registry = new Registry();
  const instances = new DriverInstances(clock);
  const rig = await createDriverRig();
  await instances.replace('b', rig.open({}), 0, ['backend-secret']);
  await rig.cleanup();
  const calls = new DriverCalls({
    instances,
    clock,
    logger,
    metrics: new DriverCallMetrics(registry),
    installationID: 'installation-1',
    fence,
  });
  const stuck = async () => (await registry.getSingleMetric('sharenet_driver_calls_stuck')?.get())?.values[0]?.value;
  return { calls, clock, instances, lines, logger, stuck };
}

/** Whether a lease is to be had now. */
async function isFree({ calls, clock }: Awaited<ReturnType<typeof setUp>>, wanted: CallScope): Promise<boolean> {
  const asked = calls.acquire(wanted, never, 10).then(
    (lease) => {
      lease.release();
      return true;
    },
    (error: unknown) => {
      expect(error).toMatchObject({ kind: 'Unavailable', reason: 'OperationRunning' });
      return false;
    },
  );
  await clock.advance(10);
  return await asked;
}

describe('a driver call', () => {
  it('returns the result of the driver, which gets the context of the call', async () => {
    const { calls, clock } = await setUp();
    const lease = await calls.acquire(scope, never, 1000);
    let seen: CallContext | undefined;
    const answer = await lease.call({ ...options, token: 'job-1' }, async (_driver, context) => {
      seen = context;
      return 42;
    });
    lease.release();
    expect(answer).toBe(42);
    expect(seen).toMatchObject({
      installationID: 'installation-1',
      tenant: scope.tenant,
      operation: { id: 'op-1', token: 'job-1', attempt: 1 },
    });
    expect(clock.pending).toBe(0);
  });

  it('is not made by a process that is no longer the leader, also with a lease, and no failure is counted', async () => {
    const fence = { leading: true, lost: never };
    const { calls, lines } = await setUp(fence);
    const lease = await calls.acquire(scope, never, 1000);
    let made = 0;
    const call = () =>
      lease.call(options, async (_driver, context) => {
        made += 1;
        return context.operation.attempt;
      });
    expect(await call()).toBe(1);
    fence.leading = false;
    await expect(call()).rejects.toMatchObject({ kind: 'Unavailable', reason: 'LeaseLost' });
    expect([made, lines]).toEqual([1, []]);
    fence.leading = true;
    expect(await call()).toBe(1);
    lease.release();
    expect(calls.shareIsBusy('share-1')).toBe(false);
  });

  it('is aborted when leadership is lost', async () => {
    const lost = new AbortController();
    const { calls } = await setUp({ leading: true, lost: lost.signal });
    const lease = await calls.acquire(scope, never, 1000);
    const call = lease.call(options, (_driver, context) => {
      return new Promise((_resolve, reject) =>
        context.signal.addEventListener('abort', () => reject(new Error('cut'))),
      );
    });
    lost.abort();
    await expect(call).rejects.toMatchObject({ kind: 'Internal' });
    lease.release();
  });

  it('fails as Unavailable after its timeout, and is aborted', async () => {
    const { calls, clock } = await setUp();
    const lease = await calls.acquire(scope, never, 1000);
    let signal: AbortSignal | undefined;
    const call = lease.call(options, (_driver, context) => {
      signal = context.signal;
      return new Promise((_resolve, reject) => context.signal.addEventListener('abort', () => reject(signal?.reason)));
    });
    const outcome = expect(call).rejects.toMatchObject({
      kind: 'Unavailable',
      reason: 'OperationTimeout',
      message: 'createShare on backend b gave no answer within 60 s',
    });
    await clock.advance(59_999);
    expect(signal?.aborted).toBe(false);
    await clock.advance(1);
    await outcome;
    expect(signal?.aborted).toBe(true);
    lease.release();
  });

  it('that ignores its abort locks its server, share and slot until it ends, but not the network', async () => {
    const rig = await setUp();
    const { calls, clock, instances, stuck } = rig;
    instances.limit('b', 3);
    const lease = await calls.acquire(scope, never, 1000);
    const late = Promise.withResolvers<void>();
    const call = lease.call(options, () => late.promise);
    call.catch(() => undefined);
    await clock.advance(60_000);
    await expect(call).rejects.toMatchObject({ reason: 'OperationTimeout' });
    lease.release();

    expect(await stuck()).toBe(1);
    expect(calls.serverIsBusy('server-1')).toBe(true);
    expect([calls.shareIsBusy('share-1'), calls.shareIsBusy('share-2')]).toEqual([true, false]);
    expect(await calls.whileQuiet('net', never, 1000, async () => 'quiet')).toBe('quiet');
    const { server: _server, shareUID: _share, ...elsewhere } = scope;
    expect(await isFree(rig, { ...scope, shareUID: 'share-2' })).toBe(true);
    expect(await isFree(rig, { ...elsewhere, shareUID: 'share-1' })).toBe(false);
    expect(await isFree(rig, { ...elsewhere, server: { uid: 'server-1', mode: 'exclusive' } })).toBe(false);
    // One of the two slots that a namespace can have of three is left.
    const other = await calls.acquire({ ...elsewhere, shareUID: 'share-3' }, never, 1000);
    let given = false;
    const waiting = calls.acquire({ ...elsewhere, shareUID: 'share-4' }, never, 1000).then((one) => {
      given = true;
      return one;
    });
    await clock.advance(1);
    expect(given).toBe(false);

    late.resolve();
    (await waiting).release();
    other.release();
    expect(calls.serverIsBusy('server-1')).toBe(false);
    expect(calls.shareIsBusy('share-1')).toBe(false);
    expect(await stuck()).toBe(0);
    expect(await isFree(rig, { ...scope, server: { uid: 'server-1', mode: 'exclusive' } })).toBe(true);
  });

  it('keeps its locks and its slot when the lease is released while it still runs', async () => {
    const rig = await setUp();
    const lease = await rig.calls.acquire(scope, never, 1000);
    const running = Promise.withResolvers<string>();
    const call = lease.call(options, () => running.promise);
    lease.release();
    lease.release();
    expect(await isFree(rig, scope)).toBe(false);
    running.resolve('done');
    expect(await call).toBe('done');
    expect(await isFree(rig, scope)).toBe(true);
  });

  it('throws and logs no secret, wherever the driver put it in an error', async () => {
    const { calls, lines, logger } = await setUp();
    const secrets = ['hunter2', 'hunter2-and-more', 'backend-secret', 'server-secret'];
    const text = `bind failed: ${secrets.join(' ')}`;
    const lease = await calls.acquire(scope, never, 1000);
    const thrown = [
      new DriverError({ kind: 'Rejected', reason: 'BindFailed', message: text, detail: text, cause: new Error(text) }),
      new Error(text, { cause: new Error(text) }),
      new DriverError({ kind: 'Internal', reason: 'BindFailed', message: 'see cause', cause: text }),
      text,
    ];
    for (const error of thrown) {
      const failure: unknown = await lease
        .call({ ...options, secrets: ['hunter2', 'hunter2-and-more'] }, () => Promise.reject(error))
        .catch((shown: unknown) => shown);
      expect(failure).toBeInstanceOf(DriverError);
      logger.error({ err: failure }, 'reconciling failed');
    }
    lease.release();
    expect(lines).toHaveLength(2 * thrown.length);
    expect(lines.join('')).toContain('bind failed: [redacted] [redacted] [redacted] [redacted]');
    for (const secret of [...secrets, 'and-more']) expect(lines.join('')).not.toContain(secret);
  });

  it('bounds the texts of a driver and accepts only valid reasons', async () => {
    const { calls } = await setUp();
    const lease = await calls.acquire(scope, never, 1000);
    const error = new DriverError({
      kind: 'Rejected',
      reason: 'no such thing!',
      message: `a\u0000\n${'x'.repeat(9999)}`,
    });
    const failure: unknown = await lease.call(options, () => Promise.reject(error)).catch((shown: unknown) => shown);
    lease.release();
    expect(failure).toMatchObject({ reason: 'DriverError', message: expect.stringMatching(/^a x{1021}…$/) });
  });

  it('fails the same way when the driver throws before it returns a promise', async () => {
    const { calls } = await setUp();
    const lease = await calls.acquire(scope, never, 1000);
    const call = lease.call(options, () => {
      throw new TypeError('undefined is not a function');
    });
    await expect(call).rejects.toMatchObject({
      kind: 'Internal',
      reason: 'DriverFault',
      message: expect.not.stringContaining('undefined is not'),
      detail: 'undefined is not a function',
    });
    lease.release();
    expect(calls.serverIsBusy('server-1')).toBe(false);
  });

  it('throws InProgress unchanged', async () => {
    const { calls, lines } = await setUp();
    const lease = await calls.acquire(scope, never, 1000);
    const answer = new InProgress({ token: 'job-1', pollAfter: 2 });
    await expect(lease.call(options, () => Promise.reject(answer))).rejects.toBe(answer);
    lease.release();
    expect(lines).toEqual([]);
  });

  it.each([
    ['no number', Number.NaN, 1],
    ['a time that has passed', -5, 0.1],
    ['at once', 0, 0.1],
    ['never', Number.POSITIVE_INFINITY, 300],
    ['later than anybody waits for', 1e9, 300],
  ])('asks again in good time of a driver that says %s', async (_what, pollAfter, seconds) => {
    const { calls } = await setUp();
    const lease = await calls.acquire(scope, never, 1000);
    const answer = lease.call(options, () => Promise.reject(new InProgress({ token: 'job-1', pollAfter })));
    await expect(answer).rejects.toMatchObject({ token: 'job-1', pollAfter: seconds });
    await expect(answer).rejects.toBeInstanceOf(InProgress);
    lease.release();
  });

  it('counts the attempts of an operation until it ends', async () => {
    const { calls } = await setUp();
    const lease = await calls.acquire(scope, never, 1000);
    const attempts: number[] = [];
    const fail = (kind: 'Unavailable' | 'Rejected') =>
      lease
        .call(options, (_driver, { operation }) => {
          attempts.push(operation.attempt);
          return Promise.reject(new DriverError({ kind, reason: 'Failed', message: 'failed' }));
        })
        .catch(() => undefined);
    for (const kind of ['Unavailable', 'Unavailable', 'Rejected', 'Unavailable'] as const) await fail(kind);
    lease.release();
    expect(attempts).toEqual([1, 2, 3, 1]);
  });
});

describe('a lease', () => {
  it('fails as Unavailable when another call blocks it too long, and nothing is locked then', async () => {
    const rig = await setUp();
    const first = await rig.calls.acquire(scope, never, 1000);
    expect(await isFree(rig, scope)).toBe(false);
    first.release();
    expect(await isFree(rig, { ...scope, server: { uid: 'server-1', mode: 'exclusive' } })).toBe(true);
    expect(await rig.calls.whileQuiet('net', never, 1000, async () => 'quiet')).toBe('quiet');
  });

  it('lets calls for different shares of one server run in parallel, but setup or update of the server alone', async () => {
    const rig = await setUp();
    const first = await rig.calls.acquire(scope, never, 1000);
    expect(await isFree(rig, { ...scope, shareUID: 'share-2' })).toBe(true);
    expect(await isFree(rig, { ...scope, shareUID: 'share-2', server: { uid: 'server-1', mode: 'exclusive' } })).toBe(
      false,
    );
    first.release();
  });

  it('releases everything when the backend has no driver, or the wait for a slot is aborted', async () => {
    const rig = await setUp();
    const { calls, instances } = rig;
    await expect(calls.acquire({ ...scope, backendName: 'gone' }, never, 1000)).rejects.toMatchObject({
      reason: 'BackendUnavailable',
    });
    instances.limit('b', 1);
    const only = await calls.acquire({ ...scope, server: { uid: 'server-2', mode: 'shared' } }, never, 1000);
    const abort = new AbortController();
    const waiting = calls.acquire({ ...scope, shareUID: 'share-2' }, abort.signal, 1000);
    await rig.clock.advance(1);
    abort.abort(new Error('shutdown'));
    await expect(waiting).rejects.toThrow('shutdown');
    expect(calls.serverIsBusy('server-1')).toBe(false);
    only.release();
    expect(await calls.whileQuiet('net', never, 1000, async () => 'quiet')).toBe('quiet');
  });
});

describe('whileQuiet', () => {
  it('waits for the running calls of a network, delays new ones, and is not starved by them', async () => {
    const { calls, clock } = await setUp();
    const order: string[] = [];
    const first = await calls.acquire(scope, never, 1000);
    const quiet = calls.whileQuiet('net', never, 1000, async () => order.push('quiet'));
    const later = calls.acquire({ ...scope, shareUID: 'share-2' }, never, 1000).then((lease) => {
      order.push('later');
      lease.release();
    });
    await clock.advance(1);
    expect(order).toEqual([]);
    order.push('first ended');
    first.release();
    await Promise.all([quiet, later]);
    expect(order).toEqual(['first ended', 'quiet', 'later']);
  });

  it('fails when running calls do not end in time, and allows other calls again, also when its work fails', async () => {
    const { calls, clock } = await setUp();
    const first = await calls.acquire(scope, never, 1000);
    const quiet = calls.whileQuiet('net', never, 500, async () => 'never');
    const refused = expect(quiet).rejects.toMatchObject({ kind: 'Unavailable', reason: 'OperationRunning' });
    await clock.advance(500);
    await refused;
    (await calls.acquire({ ...scope, shareUID: 'share-2' }, never, 1000)).release();
    first.release();
    await expect(calls.whileQuiet('net', never, 500, () => Promise.reject(new Error('conflict')))).rejects.toThrow();
    (await calls.acquire(scope, never, 1000)).release();
  });
});
