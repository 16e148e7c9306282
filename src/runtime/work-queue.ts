import { backOffDelay } from './back-off.ts';
import type { Clock, TimerHandle } from './clock.ts';
import { DelayedKeys } from './delayed-keys.ts';
import type { Priority, RuntimeMetrics } from './metrics.ts';
import { Turns } from './turns.ts';

export interface WorkQueueOptions {
  readonly name: string;
  readonly clock: Clock;
  /** A number in [0, 1). */
  readonly random: () => number;
  readonly metrics?: RuntimeMetrics | undefined;
  /** First and longest delay of `retry`, milliseconds. */
  readonly baseDelayMs?: number | undefined;
  readonly maxDelayMs?: number | undefined;
}

/** How soon a key is wanted: `afterMs` from now, and then by its priority (`normal` when absent). */
export interface AddOptions {
  readonly priority?: Priority | undefined;
  readonly afterMs?: number | undefined;
}

/** Whether a key of a namespace may be given out now. */
type MayTake = (namespace: string) => boolean;

/** After so many keys of normal priority one of low priority has its turn. */
const normalsPerLow = 10;

/**
 * Keys (`namespace/name`, or `name`) that wait to be worked on. A key waits once however often it is added, is never with two
 * workers, and waits again after `done` when it was added meanwhile. Within a priority namespaces take turns.
 */
export class WorkQueue {
  readonly #options: WorkQueueOptions;
  readonly #lanes = { normal: new Turns<string>(), low: new Turns<string>() };
  /** Keys in a lane, with the time they came. */
  readonly #waiting = new Map<string, { readonly priority: Priority; readonly since: number }>();
  /** Keys with a worker, with the time they went there. */
  readonly #processing = new Map<string, { readonly priority: Priority; readonly since: number }>();
  /** Keys with a worker, or resting, that were added again. */
  readonly #dirty = new Map<string, Priority>();
  /** Keys that are done and not given out again before their timer. */
  readonly #resting = new Map<string, TimerHandle>();
  /** Keys that have the low priority only. */
  readonly #demoted = new Set<string>();
  readonly #delayed: DelayedKeys;
  readonly #delayedPriority = new Map<string, Priority>();
  readonly #failures = new Map<string, number>();
  readonly #waiters = new Set<() => void>();
  readonly #labels: { readonly name: string; readonly controller: string };
  #normalsInRow = 0;
  #shutDown = false;

  constructor(options: WorkQueueOptions) {
    this.#options = options;
    this.#labels = { name: options.name, controller: options.name };
    this.#delayed = new DelayedKeys(options.clock, (key) => {
      const priority = this.#delayedPriority.get(key) ?? 'normal';
      this.#delayedPriority.delete(key);
      this.#addNow(key, priority);
    });
    options.metrics?.trackQueue(options.name, this);
  }

  /** Keys that wait for a worker now (without the delayed ones). */
  get length(): number {
    return this.#waiting.size;
  }

  /** Keys of one priority that wait for a worker now. */
  waiting(priority: Priority): number {
    return this.#lanes[priority].size;
  }

  /** How long the keys with a worker have been there, milliseconds. */
  unfinishedWork(): { readonly totalMs: number; readonly longestMs: number } {
    let totalMs = 0;
    let longestMs = 0;
    for (const { since } of this.#processing.values()) {
      const ms = this.#options.clock.now() - since;
      totalMs += ms;
      longestMs = Math.max(longestMs, ms);
    }
    return { totalMs, longestMs };
  }

  /**
   * Adds a key, now or after a delay. An add absorbs a later one of the same key: the work done at the earlier time decides again
   * when it is needed again.
   */
  add(key: string, options: AddOptions = {}): void {
    if (this.#shutDown) return;
    const priority = options.priority ?? 'normal';
    if (options.afterMs === undefined || options.afterMs <= 0) {
      this.#addNow(key, priority);
    } else if (!this.#waiting.has(key) && this.#delayed.add(key, options.afterMs)) {
      this.#delayedPriority.set(key, priority);
    }
  }

  /**
   * The next key of a namespace that may have one; undefined when the queue is shut down or the signal aborted. The caller must
   * call `done` with it, and `look` when the answer for a namespace changes.
   * @param isOpen whether any namespace may have one: asked first, so that thousands of them are not searched for nothing
   */
  async next(
    signal?: AbortSignal,
    mayTake: MayTake = () => true,
    isOpen: () => boolean = () => true,
  ): Promise<string | undefined> {
    while (!this.#shutDown && !signal?.aborted) {
      const key = isOpen() ? this.take(mayTake) : undefined;
      if (key !== undefined) return key;
      await new Promise<void>((resolve) => {
        const wake = () => {
          signal?.removeEventListener('abort', wake);
          this.#waiters.delete(wake);
          resolve();
        };
        signal?.addEventListener('abort', wake, { once: true });
        this.#waiters.add(wake);
      });
    }
    return undefined;
  }

  /** Lets those who wait for a key look again whether they may have one. */
  look(): void {
    for (const wake of [...this.#waiters]) wake();
  }

  /** The next key if one waits in a namespace that may have it. The caller must call `done` with it. */
  take(mayTake: MayTake = () => true): string | undefined {
    if (this.#shutDown) return undefined;
    const { normal, low } = this.#lanes;
    const lowIsDue = low.size > 0 && (normal.size === 0 || this.#normalsInRow >= normalsPerLow);
    const [first, second] = lowIsDue ? [low, normal] : [normal, low];
    const key = first.shift(mayTake) ?? second.shift(mayTake);
    if (key === undefined) return undefined;
    this.#normalsInRow = lowIsDue || low.size === 0 ? 0 : this.#normalsInRow + 1;
    const waiting = this.#waiting.get(key);
    if (waiting === undefined) return undefined;
    const now = this.#options.clock.now();
    this.#waiting.delete(key);
    this.#processing.set(key, { priority: waiting.priority, since: now });
    this.#options.metrics?.queueDuration.observe(this.#labels, (now - waiting.since) / 1000);
    return key;
  }

  /**
   * The worker is finished with the key.
   * @param restMs how long the key is not given out again, whatever adds it meanwhile
   */
  done(key: string, restMs = 0): void {
    const processing = this.#processing.get(key);
    if (processing === undefined) return;
    this.#processing.delete(key);
    this.#options.metrics?.workDuration.observe(this.#labels, (this.#options.clock.now() - processing.since) / 1000);
    if (restMs <= 0 || this.#shutDown) {
      this.#enterAgain(key);
      return;
    }
    const rested = (): void => {
      this.#resting.delete(key);
      this.#enterAgain(key);
    };
    this.#resting.set(key, this.#options.clock.setTimeout(rested, restMs));
  }

  /** Gives a key the low priority whatever it is added with, or ends that. */
  demote(key: string, isLow: boolean): void {
    if (isLow) this.#demoted.add(key);
    else this.#demoted.delete(key);
  }

  #enterAgain(key: string): void {
    const dirty = this.#dirty.get(key);
    if (dirty === undefined) return;
    this.#dirty.delete(key);
    if (!this.#shutDown) this.#enter(key, dirty);
  }

  /** Adds the key after a delay that grows with every retry until `forget`, at the priority that it is worked on with. */
  retry(key: string, delays: { readonly baseDelayMs?: number; readonly maxDelayMs?: number } = {}): void {
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    this.#options.metrics?.queueRetries.inc(this.#labels);
    const afterMs = backOffDelay(failures, {
      baseMs: delays.baseDelayMs ?? this.#options.baseDelayMs ?? 100,
      maxMs: delays.maxDelayMs ?? this.#options.maxDelayMs ?? 300_000,
      random: this.#options.random,
    });
    this.add(key, { afterMs, priority: this.#processing.get(key)?.priority });
  }

  /** The next retry of the key is its first again. */
  forget(key: string): void {
    this.#failures.delete(key);
  }

  /** Nothing comes in or goes out any more. */
  shutDown(): void {
    this.#shutDown = true;
    this.#delayed.clear();
    this.#delayedPriority.clear();
    for (const timer of this.#resting.values()) this.#options.clock.clearTimeout(timer);
    this.#resting.clear();
    for (const wake of [...this.#waiters]) wake();
  }

  #addNow(key: string, priority: Priority): void {
    this.#delayed.delete(key);
    this.#delayedPriority.delete(key);
    this.#options.metrics?.queueAdds.inc(this.#labels);
    if (this.#processing.has(key) || this.#resting.has(key)) {
      if (this.#dirty.get(key) !== 'normal') this.#dirty.set(key, priority);
      return;
    }
    this.#enter(key, priority);
  }

  #enter(key: string, asked: Priority): void {
    const priority = this.#demoted.has(key) ? 'low' : asked;
    const waiting = this.#waiting.get(key);
    if (waiting !== undefined) {
      if (waiting.priority === priority || priority === 'low') return;
      this.#lanes.low.delete(namespaceOf(key), key);
    }
    this.#waiting.set(key, { priority, since: waiting?.since ?? this.#options.clock.now() });
    this.#lanes[priority].add(namespaceOf(key), key);
    const [wake] = this.#waiters;
    wake?.();
  }
}

/** Namespace of a key; empty where it has none. */
export function namespaceOf(key: string): string {
  const slash = key.indexOf('/');
  return slash === -1 ? '' : key.slice(0, slash);
}
