import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../../test/faults/eventually.ts';
import { ManualClock } from '../../test/faults/manual-clock.ts';
import { ApiError } from './api-error.ts';
import { type Clock, systemClock } from './clock.ts';
import { QueueController, type Reconcile } from './controller.ts';
import { createLogger } from './logger.ts';
import { RuntimeMetrics } from './metrics.ts';
import { breathe } from './thread-time.ts';

describe('a controller', () => {
  let log: { level: string; msg: string; reconcileID?: string }[];
  let metrics: RuntimeMetrics;
  let stop: AbortController;
  let running: Promise<void>;

  beforeEach(() => {
    log = [];
    metrics = new RuntimeMetrics();
    stop = new AbortController();
  });

  afterEach(async () => {
    stop.abort();
    await running;
  });

  function start(
    reconcile: Reconcile,
    workers = 2,
    clock: Clock = systemClock,
    blockedAfterMs?: number,
    keyField?: string,
  ): QueueController {
    const logger = createLogger({
      level: 'debug',
      format: 'json',
      destination: { write: (line) => void log.push(JSON.parse(line)) },
    });
    const controller = new QueueController(
      { name: 'test', workers, reconcile, keyField },
      { logger, clock, random: Math.random, metrics, stuckAfterMs: 1_000, blockedAfterMs },
    );
    running = controller.run(stop.signal);
    return controller;
  }

  const key = (name: string) => ({ namespace: 'a', name });

  it('never works on one key twice at the same time, and works again on what came meanwhile', async () => {
    let active = 0;
    let most = 0;
    let runs = 0;
    const controller = start(async () => {
      most = Math.max(most, ++active);
      await delay(10);
      active--;
      runs++;
    }, 8);
    for (let index = 0; index < 10; index++) {
      controller.enqueue(key('one'));
      await delay(3);
    }
    await eventually('the last run', () => active === 0 && runs >= 3);
    expect(most).toBe(1);
  });

  it('runs as many at once as it has workers', async () => {
    let active = 0;
    let most = 0;
    let runs = 0;
    const controller = start(async () => {
      most = Math.max(most, ++active);
      await delay(5);
      active--;
      runs++;
    }, 3);
    for (let index = 0; index < 12; index++) controller.enqueue({ namespace: `n${index % 2}`, name: `k${index}` });
    await eventually('all runs', () => runs === 12);
    expect(most).toBe(3);
  });

  it('keeps one of several workers for other namespaces, also from what comes back from outside', async () => {
    const outside = Promise.withResolvers<void>();
    const end = Promise.withResolvers<void>();
    const begun: string[] = [];
    const controller = start(async ({ key: { namespace, name }, outsideWorker }) => {
      if (name.startsWith('out')) await outsideWorker(() => outside.promise);
      begun.push(`${namespace}/${name}`);
      if (namespace === 'a') await end.promise;
    }, 3);
    for (const name of ['out1', 'out2', 'out3', 'k1', 'k2', 'k3']) controller.enqueue(key(name));
    await eventually('two of them', () => begun.length === 2);
    outside.resolve();
    await delay(20);
    expect(begun).toEqual(['a/k1', 'a/k2']);
    for (const name of ['k1', 'k2']) controller.enqueue({ namespace: 'b', name });
    await eventually('those of the other', () => begun.length === 4);
    expect(begun.slice(2)).toEqual(['b/k1', 'b/k2']);
    end.resolve();
    await eventually('all', () => begun.length === 8);
  });

  it('lets timers and answers through while thousands of keys need no request', async () => {
    let runs = 0;
    const controller = start(async () => void runs++);
    for (let index = 0; index < 5000; index++) controller.enqueue(key(`k${index}`));
    await delay(1);
    expect(runs).toBeLessThan(5000);
    await eventually('all', () => runs === 5000);
  });

  it('lends the worker out while a reconcile waits for the outside, but not the key', async () => {
    const outside = Promise.withResolvers<void>();
    const order: string[] = [];
    const controller = start(async (context) => {
      if (context.key.name === 'slow') await context.outsideWorker(() => outside.promise);
      order.push(context.key.name);
    }, 1);
    controller.enqueue(key('slow'));
    controller.enqueue(key('quick'));
    await eventually('the quick one', () => order.includes('quick'));
    controller.enqueue(key('slow'));
    await delay(20);
    expect(order).toEqual(['quick']);
    // The queue is empty now: the one who comes back must still get the only worker.
    outside.resolve();
    await eventually('both runs of the slow one', () => order.length === 3);
    expect(order).toEqual(['quick', 'slow', 'slow']);
  });

  it('logs the name of a key of another kind under the field of that kind', async () => {
    const reconcile = () => Promise.reject(new Error('first'));
    start(reconcile, 1, systemClock, undefined, 'share').enqueue(key('one'));
    await eventually('a failure', () => log.some(({ level }) => level === 'error'));
    const line = log.find(({ level }) => level === 'error');
    expect(line).toMatchObject({ controller: 'test', namespace: 'a', share: 'one' });
    expect(line).not.toHaveProperty('name');
  });

  it('tries again with growing delays after any kind of failure, and logs with reconcileID', async () => {
    const failures: (() => Promise<void>)[] = [
      async () => Promise.reject(new Error('first')),
      () => {
        throw new Error('synchronously');
      },
      async () => Promise.reject('not an error object'),
    ];
    let runs = 0;
    const controller = start(async () => {
      runs++;
      await failures[runs - 1]?.();
    });
    controller.enqueue(key('one'));
    await eventually('a run that succeeds', () => runs === 4);
    const errors = log.filter(({ level }) => level === 'error');
    expect(errors).toHaveLength(3);
    expect(errors.every((line) => line.reconcileID)).toBe(true);
    expect(errors[0]).toMatchObject({ controller: 'test', namespace: 'a', name: 'one', err: { message: 'first' } });
    const text = await metrics.registry.metrics();
    expect(text).toContain('controller_runtime_reconcile_errors_total{controller="test"} 3');
    expect(text).toContain('controller_runtime_reconcile_panics_total{controller="test"} 1');
    expect(text).toContain('controller_runtime_reconcile_total{controller="test",result="success"} 1');
    expect(text).toContain('workqueue_retries_total{name="test",controller="test"} 3');
  });

  it('tries a conflict again soon and quietly', async () => {
    let runs = 0;
    const started = Date.now();
    const controller = start(async () => {
      if (++runs < 4) throw new ApiError({ method: 'PUT', path: '/x', status: 409, reason: 'Conflict' });
    });
    controller.enqueue(key('one'));
    await eventually('a run that succeeds', () => runs === 4);
    expect(Date.now() - started).toBeLessThan(1_000);
    expect(log.filter(({ level }) => level === 'error')).toEqual([]);
  });

  it('comes back after the time that a reconcile asked for', async () => {
    let runs = 0;
    const controller = start(async () => {
      runs++;
      return runs === 1 ? { requeueAfterMs: 30 } : undefined;
    });
    controller.enqueue(key('one'));
    await eventually('the second run', () => runs === 2);
  });

  it('reports a stuck reconcile once, and does not start it again', async () => {
    const clock = new ManualClock();
    const end = Promise.withResolvers<void>();
    let runs = 0;
    const controller = start(
      async () => {
        runs++;
        await end.promise;
      },
      2,
      clock,
    );
    controller.enqueue(key('one'));
    await eventually('the run', () => runs === 1);
    await clock.advance(5_000);
    expect(log.filter(({ msg }) => msg === 'reconciling takes very long')).toHaveLength(1);
    expect(runs).toBe(1);
    end.resolve();
  });

  describe('has a reconcile that keeps the thread', () => {
    const block = (ms: number): void => {
      const end = performance.now() + ms;
      while (performance.now() < end);
    };
    const blocked = () => log.filter(({ msg }) => msg.startsWith('reconciling blocked the thread'));

    it('reported with its key and counted, also when it blocks after it has waited; another that waits meanwhile is not', async () => {
      const begun: string[] = [];
      const controller = start(
        async ({ key: { name }, outsideWorker }) => {
          begun.push(name);
          await outsideWorker(() => delay(name === 'heavy' ? 20 : 40));
          if (name === 'heavy') block(300);
        },
        2,
        systemClock,
        200,
      );
      controller.enqueue(key('heavy'));
      controller.enqueue({ namespace: 'b', name: 'light' });
      await eventually('both', () => begun.length === 2 && controller.active.length === 0);
      expect(blocked()).toMatchObject([{ level: 'warn', controller: 'test', namespace: 'a', name: 'heavy' }]);
      const text = await metrics.registry.metrics();
      expect(text).toContain('controller_runtime_reconcile_blocking_total{controller="test"} 1');
    });

    it('not reported for many short turns, whatever they come to', async () => {
      const controller = start(
        async () => {
          for (let turn = 0; turn < 5; turn++) {
            block(60);
            await breathe();
          }
        },
        2,
        systemClock,
        200,
      );
      controller.enqueue(key('patient'));
      await eventually('its run', async () => (await metrics.registry.metrics()).includes('result="success"} 1'));
      expect(blocked()).toEqual([]);
    });

    it('behind every key of normal priority, and rest meanwhile', async () => {
      const begun: string[] = [];
      const controller = start(
        async ({ key: { name } }) => {
          begun.push(name);
          if (name === 'heavy' && begun.length === 1) block(300);
          else if (name !== 'heavy') await delay(1);
        },
        1,
        systemClock,
        200,
      );
      controller.enqueue(key('heavy'));
      await eventually('its run', () => blocked().length === 1);
      // It is wanted again first, and waits for its rest and for all that come after it.
      controller.enqueue(key('heavy'));
      await delay(200);
      expect(begun).toEqual(['heavy']);
      for (let index = 0; index < 5; index++) controller.enqueue({ namespace: 'b', name: `k${index}` });
      await eventually('all', () => begun.length === 7);
      expect(begun.at(-1)).toBe('heavy');
    });
  });

  it('ends what runs before run() resolves, takes nothing new, and aborts the signal', async () => {
    const ended: string[] = [];
    const controller = start(async ({ key: { name }, signal }) => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      await delay(20);
      ended.push(name);
    }, 1);
    controller.enqueue(key('running'));
    controller.enqueue(key('waiting'));
    await eventually('the first', () => controller.active.length === 1);
    stop.abort();
    await running;
    expect(ended).toEqual(['running']);
  });
});
