import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../test/faults/manual-clock.ts';
import type { Priority } from './metrics.ts';
import { WorkQueue } from './work-queue.ts';

function queueOn(clock: ManualClock): WorkQueue {
  return new WorkQueue({ name: 'test', clock, random: () => 0, baseDelayMs: 100, maxDelayMs: 1_000 });
}

function drain(queue: WorkQueue): string[] {
  const keys: string[] = [];
  for (let key = queue.take(); key !== undefined; key = queue.take()) {
    keys.push(key);
    queue.done(key);
  }
  return keys;
}

describe('WorkQueue', () => {
  it('hands a key out once however often it was added', () => {
    const queue = queueOn(new ManualClock());
    queue.add('a/1');
    queue.add('a/1');
    expect(queue.length).toBe(1);
    expect(drain(queue)).toEqual(['a/1']);
  });

  it('hands a key that was added during its work out again, but only after done', () => {
    const queue = queueOn(new ManualClock());
    queue.add('a/1');
    expect(queue.take()).toBe('a/1');
    queue.add('a/1');
    expect(queue.take()).toBeUndefined();
    queue.done('a/1');
    expect(queue.take()).toBe('a/1');
  });

  it('lets namespaces take turns', () => {
    const queue = queueOn(new ManualClock());
    for (const key of ['a/1', 'a/2', 'a/3', 'b/1', 'c/1', 'b/2']) queue.add(key);
    expect(drain(queue)).toEqual(['a/1', 'b/1', 'c/1', 'a/2', 'b/2', 'a/3']);
  });

  it('prefers normal priority, lets low have one turn in eleven, and raises a key that is added again', () => {
    const queue = queueOn(new ManualClock());
    for (let index = 0; index < 3; index++) queue.add(`a/low${index}`, { priority: 'low' });
    for (let index = 0; index < 25; index++) queue.add(`a/normal${index}`);
    queue.add('a/low2');
    const order = drain(queue).map((key) => key.slice(2));
    expect(order.indexOf('low0')).toBe(10);
    expect(order.indexOf('low1')).toBe(21);
    expect(order.indexOf('low2')).toBe(27);
  });

  it('delays retries exponentially per key, up to the longest, until forget', async () => {
    const clock = new ManualClock();
    const queue = queueOn(clock);
    const waits: number[] = [];
    for (let attempt = 0; attempt < 6; attempt++) {
      queue.retry('a/1');
      const before = clock.now();
      while (queue.take() === undefined) await clock.advance(10);
      waits.push(clock.now() - before);
      queue.done('a/1');
    }
    // random = 0 is the shortest: half of each step.
    expect(waits).toEqual([50, 100, 200, 400, 500, 500]);
    queue.forget('a/1');
    queue.retry('a/1');
    await clock.advance(50);
    expect(queue.take()).toBe('a/1');
  });

  it('wakes a waiter for a key, for the end of its signal and for shutDown', async () => {
    const queue = queueOn(new ManualClock());
    const first = queue.next();
    const stop = new AbortController();
    const second = queue.next(stop.signal);
    const third = queue.next();
    queue.add('a/1');
    expect(await first).toBe('a/1');
    stop.abort();
    expect(await second).toBeUndefined();
    queue.shutDown();
    expect(await third).toBeUndefined();
    queue.add('a/2');
    expect(queue.length).toBe(0);
  });

  it('passes over namespaces that may have none, and looks again when asked to', async () => {
    const queue = queueOn(new ManualClock());
    for (const key of ['a/1', 'a/2', 'b/1']) queue.add(key, { priority: key === 'b/1' ? 'low' : 'normal' });
    const barred = new Set(['a']);
    const mayTake = (namespace: string): boolean => !barred.has(namespace);
    expect(queue.take(mayTake)).toBe('b/1');
    expect(queue.take(mayTake)).toBeUndefined();
    const next = queue.next(undefined, mayTake);
    barred.clear();
    queue.look();
    expect(await next).toBe('a/1');
  });

  it('behaves as its model in every sequence of operations', async () => {
    const key = fc.constantFrom('a/1', 'a/2', 'b/1', 'c/1', 'cluster');
    const operation = fc.oneof(
      fc.record({
        type: fc.constant('add' as const),
        key,
        priority: fc.constantFrom<Priority>('normal', 'low'),
        afterMs: fc.constantFrom(0, 0, 5, 50, 500),
      }),
      fc.record({ type: fc.constant('take' as const) }),
      fc.record({ type: fc.constant('done' as const), index: fc.nat(4) }),
      fc.record({ type: fc.constant('retry' as const), key }),
      fc.record({ type: fc.constant('forget' as const), key }),
      fc.record({ type: fc.constant('advance' as const), ms: fc.constantFrom(1, 5, 60, 2_000) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { maxLength: 60 }), async (operations) => {
        const clock = new ManualClock();
        const queue = queueOn(clock);
        const model = new Model();
        for (const step of operations) {
          if (step.type === 'add') {
            queue.add(step.key, step);
            model.add(step.key, step.priority, clock.now(), step.afterMs);
          } else if (step.type === 'take') {
            expect(queue.take()).toBe(model.take());
          } else if (step.type === 'done') {
            const processing = [...model.processing.keys()][step.index];
            if (processing === undefined) continue;
            queue.done(processing);
            model.done(processing);
          } else if (step.type === 'retry') {
            queue.retry(step.key);
            model.retry(step.key, clock.now());
          } else if (step.type === 'forget') {
            queue.forget(step.key);
            model.failures.delete(step.key);
          } else {
            await clock.advance(step.ms);
            model.passed(clock.now());
          }
          expect(queue.length).toBe(model.waiting.length);
          expect(queue.waiting('low')).toBe(model.waiting.filter(({ priority }) => priority === 'low').length);
        }
        // Whatever happened, nothing is lost: all that was added comes out.
        await clock.advance(10_000);
        model.passed(clock.now());
        for (let next = model.take(); next !== undefined; next = model.take()) expect(queue.take()).toBe(next);
        expect(queue.take()).toBeUndefined();
      }),
      { numRuns: 500 },
    );
  });
});

/** The queue in its plainest form: lists that are searched. */
class Model {
  waiting: { key: string; priority: Priority }[] = [];
  readonly processing = new Map<string, Priority>();
  readonly failures = new Map<string, number>();
  readonly #dirty = new Map<string, Priority>();
  #delayed: { key: string; priority: Priority; at: number }[] = [];
  readonly #turns: Record<Priority, string[]> = { normal: [], low: [] };
  #normals = 0;

  add(key: string, priority: Priority, now: number, afterMs = 0): void {
    if (afterMs > 0) {
      if (this.waiting.some((entry) => entry.key === key)) return;
      const present = this.#delayed.find((entry) => entry.key === key);
      if (present && present.at <= now + afterMs) return;
      this.#delayed = [...this.#delayed.filter((entry) => entry.key !== key), { key, priority, at: now + afterMs }];
      return;
    }
    this.#delayed = this.#delayed.filter((entry) => entry.key !== key);
    if (this.processing.has(key)) {
      if (this.#dirty.get(key) !== 'normal') this.#dirty.set(key, priority);
    } else {
      this.#enter(key, priority);
    }
  }

  take(): string | undefined {
    const normal = this.waiting.some((entry) => entry.priority === 'normal');
    const low = this.waiting.some((entry) => entry.priority === 'low');
    const priority: Priority = low && (!normal || this.#normals >= 10) ? 'low' : 'normal';
    this.#normals = priority === 'low' || !low ? 0 : this.#normals + 1;
    const namespace = this.#turns[priority].shift();
    const next = this.waiting.find((entry) => entry.priority === priority && namespaceOf(entry.key) === namespace);
    if (next === undefined || namespace === undefined) return undefined;
    this.waiting = this.waiting.filter((entry) => entry !== next);
    if (this.waiting.some((entry) => entry.priority === priority && namespaceOf(entry.key) === namespace)) {
      this.#turns[priority].push(namespace);
    }
    expect(this.processing.has(next.key)).toBe(false);
    this.processing.set(next.key, next.priority);
    return next.key;
  }

  done(key: string): void {
    this.processing.delete(key);
    const dirty = this.#dirty.get(key);
    this.#dirty.delete(key);
    if (dirty !== undefined) this.#enter(key, dirty);
  }

  retry(key: string, now: number): void {
    const failures = this.failures.get(key) ?? 0;
    this.failures.set(key, failures + 1);
    this.add(key, this.processing.get(key) ?? 'normal', now, Math.min(1_000, 100 * 2 ** failures) / 2);
  }

  passed(now: number): void {
    const due = this.#delayed.filter((entry) => entry.at <= now).sort((a, b) => a.at - b.at);
    for (const { key, priority, at } of due) this.add(key, priority, at);
  }

  #enter(key: string, priority: Priority): void {
    const present = this.waiting.find((entry) => entry.key === key);
    if (present && (present.priority === priority || priority === 'low')) return;
    this.waiting = this.waiting.filter((entry) => entry !== present);
    if (present && !this.waiting.some((e) => e.priority === 'low' && namespaceOf(e.key) === namespaceOf(key))) {
      this.#turns.low = this.#turns.low.filter((namespace) => namespace !== namespaceOf(key));
    }
    this.waiting.push({ key, priority });
    if (!this.#turns[priority].includes(namespaceOf(key))) this.#turns[priority].push(namespaceOf(key));
  }
}

function namespaceOf(key: string): string {
  return key.includes('/') ? key.slice(0, key.indexOf('/')) : '';
}
