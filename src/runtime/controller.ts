import { randomUUID } from 'node:crypto';
import { isConflict, RefusedWrite } from './api-error.ts';
import type { CacheEvent } from './cache.ts';
import type { Clock } from './clock.ts';
import { FairSlots } from './fair-slots.ts';
import type { Informer } from './informer.ts';
import type { KubeObject, ObjectName } from './kube-object.ts';
import type { Logger } from './logger.ts';
import type { RuntimeMetrics } from './metrics.ts';
import { keyOf } from './object-store.ts';
import { breathe, markThread, metered, type ThreadMeter, threadMeter } from './thread-time.ts';
import { type AddOptions, namespaceOf, WorkQueue } from './work-queue.ts';

/** What one reconcile of a key works with. */
export interface ReconcileContext {
  readonly key: ObjectName;
  readonly reconcileID: string;
  /** Carries controller, namespace, name (see `keyField`) and reconcileID. */
  readonly logger: Logger;
  /** Aborted at shutdown and when leadership is lost. */
  readonly signal: AbortSignal;
  /**
   * Runs work that waits for the outside without holding a worker. The key stays taken, so it is still never worked on twice.
   * When the work settles a worker is taken again.
   */
  outsideWorker<R>(work: () => Promise<R>): Promise<R>;
}

/** What follows a reconcile that did not fail. */
export interface ReconcileResult {
  /** Work on the key again after so many milliseconds, or earlier when something changes. */
  readonly requeueAfterMs?: number | undefined;
}

/**
 * Brings the object of a key closer to its spec. One key is never worked on twice at a time; after a rejection it is tried again
 * with a growing delay.
 */
// `void` lets a reconcile end without a return statement.
// biome-ignore lint/suspicious/noConfusingVoidType: see above
export type Reconcile = (context: ReconcileContext) => Promise<ReconcileResult | undefined | void>;

export interface ControllerOptions {
  readonly name: string;
  /** Most keys that are worked on at once (without those outside of a worker); of several one namespace never has all. */
  readonly workers: number;
  readonly reconcile: Reconcile;
  /** The log field for the name of a key, where keys are objects of another kind than the controller's; `name` when absent. */
  readonly keyField?: string | undefined;
}

/** A queue of keys that informers and others fill; the manager runs its workers. */
export interface Controller {
  readonly name: string;
  enqueue(name: ObjectName, options?: AddOptions): void;
  /** Enqueues what `map` says for each event of the informer; the object itself when absent. */
  watch<T extends KubeObject>(
    informer: Informer<T>,
    map?: (event: CacheEvent<T>) => readonly ObjectName[] | ObjectName | undefined,
  ): void;
}

export interface ControllerDependencies {
  readonly logger: Logger;
  readonly clock: Clock;
  readonly random: () => number;
  readonly metrics?: RuntimeMetrics | undefined;
  /** Milliseconds after which a reconcile is reported as stuck. */
  readonly stuckAfterMs?: number | undefined;
  /** Milliseconds without a break for which a reconcile may have the thread before it is reported. */
  readonly blockedAfterMs?: number | undefined;
}

interface Running {
  readonly key: ObjectName;
  readonly logger: Logger;
  readonly since: number;
  reported: boolean;
}

const conflictDelays = { baseDelayMs: 20, maxDelayMs: 1000 };
/** A person has to act first; a minute later at most the operator sees that they did. */
const refusedDelays = { baseDelayMs: 1000, maxDelayMs: 60_000 };
const defaultStuckAfterMs = 5 * 60_000;
const stuckCheckMs = 10_000;
const defaultBlockedAfterMs = 1000;
/** A key that had the thread for longer than this rests for a multiple of the time, so that no key ever has most of the thread. */
const longOnThreadMs = 100;
const restPerThreadTime = 4;
const maxRestMs = 30_000;

/** A queue of keys and the workers that reconcile them. */
export class QueueController implements Controller {
  readonly name: string;
  readonly #options: ControllerOptions;
  readonly #dependencies: ControllerDependencies;
  readonly #queue: WorkQueue;
  readonly #logger: Logger;
  readonly #running = new Set<Running>();
  readonly #labels: { readonly controller: string };

  constructor(options: ControllerOptions, dependencies: ControllerDependencies) {
    this.name = options.name;
    this.#options = options;
    this.#dependencies = dependencies;
    this.#queue = new WorkQueue({ name: options.name, ...dependencies });
    this.#logger = dependencies.logger.child({ controller: options.name });
    this.#labels = { controller: options.name };
    dependencies.metrics?.maxConcurrentReconciles.set(this.#labels, options.workers);
    dependencies.metrics?.activeWorkers.set(this.#labels, 0);
    dependencies.metrics?.trackController(options.name);
  }

  enqueue(name: ObjectName, options?: AddOptions): void {
    this.#queue.add(keyOf(name), options);
  }

  watch<T extends KubeObject>(
    informer: Informer<T>,
    map?: (event: CacheEvent<T>) => readonly ObjectName[] | ObjectName | undefined,
  ): void {
    informer.onEvent((event) => {
      const names = map === undefined ? event.object.metadata : map(event);
      if (names === undefined) return;
      const priority = event.initial ? 'low' : 'normal';
      for (const name of 'name' in names ? [names] : names) this.enqueue(name, { priority });
    });
  }

  /** Works until the signal is aborted and everything that runs has ended; never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const slots = new FairSlots(this.#options.workers, () => this.#queue.look());
    const pending = new Set<Promise<void>>();
    const watchdog = new AbortController();
    const watching = this.#watchForStuck(watchdog.signal);
    for (;;) {
      // A slot is taken only with a key for it, and what comes back from outside is served first: here nothing waits in line.
      const key = await this.#queue.next(
        signal,
        (namespace) => slots.hasPlaceFor(namespace),
        () => slots.hasPlace,
      );
      if (key === undefined) break;
      const work = this.#work(key, signal, slots, slots.take(namespaceOf(key))).finally(() => pending.delete(work));
      pending.add(work);
      // Thousands of keys that need no request must not keep answers, watches and leases waiting until the last is done.
      await breathe();
    }
    this.#queue.shutDown();
    await Promise.all(pending);
    watchdog.abort();
    await watching;
  }

  /** Objects that are worked on right now. */
  get active(): readonly ObjectName[] {
    return [...this.#running].map((running) => running.key);
  }

  async #work(key: string, signal: AbortSignal, slots: FairSlots, release: () => void): Promise<void> {
    const { clock, metrics } = this.#dependencies;
    let leave = release;
    let outside = 0;
    metrics?.activeWorkers.inc(this.#labels);
    const name = nameOf(key);
    const reconcileID = randomUUID();
    const { keyField = 'name' } = this.#options;
    const logger = this.#logger.child({ namespace: name.namespace, [keyField]: name.name, reconcileID });
    const running: Running = { key: name, logger, since: clock.now(), reported: false };
    this.#running.add(running);
    const context: ReconcileContext = {
      key: name,
      reconcileID,
      logger,
      signal,
      outsideWorker: async (work) => {
        if (outside++ === 0) {
          leave();
          metrics?.activeWorkers.dec(this.#labels);
        }
        try {
          return await work();
        } finally {
          if (--outside === 0) {
            leave = await slots.acquire(namespaceOf(key));
            metrics?.activeWorkers.inc(this.#labels);
          }
          markThread();
        }
      },
    };
    const meter = threadMeter();
    let result: string;
    try {
      const outcome = await metered(meter, () => this.#options.reconcile(context));
      this.#queue.forget(key);
      const afterMs = outcome?.requeueAfterMs;
      result = afterMs === undefined ? 'success' : 'requeue_after';
      if (afterMs !== undefined) this.#queue.add(key, { afterMs: Math.max(1, afterMs) });
    } catch (error) {
      result = this.#failed(key, error, logger, signal);
    }
    // What comes now belongs to no reconcile, and the meter has all that did.
    markThread();
    this.#running.delete(running);
    metrics?.reconcileTotal.inc({ controller: this.name, result });
    metrics?.reconcileTime.observe(this.#labels, (clock.now() - running.since) / 1000);
    this.#reportBlocked(key, meter, logger);
    this.#queue.done(key, restOf(meter, clock.now() - running.since));
    metrics?.activeWorkers.dec(this.#labels);
    leave();
  }

  /** Tells of a reconcile that kept everything else waiting: leases, watches and the other tenants. Its key comes last from then on. */
  #reportBlocked(key: string, { longestMs }: ThreadMeter, logger: Logger): void {
    const { metrics, blockedAfterMs = defaultBlockedAfterMs } = this.#dependencies;
    const blocked = longestMs > blockedAfterMs;
    this.#queue.demote(key, blocked);
    if (!blocked) return;
    metrics?.blockingReconciles.inc(this.#labels);
    logger.warn(
      { seconds: Math.round(longestMs) / 1000 },
      'reconciling blocked the thread; the key has low priority now',
    );
  }

  /** Decides what follows a failure; returns the `result` label. */
  #failed(key: string, error: unknown, logger: Logger, signal: AbortSignal): string {
    const { metrics } = this.#dependencies;
    if (signal.aborted) {
      logger.debug({ err: error }, 'reconciling was cut short');
      return 'error';
    }
    if (isConflict(error)) {
      // The cache was behind, which passes by itself: not an error for anybody to look at.
      logger.debug({ err: error }, 'conflict, reconciling again');
      this.#queue.retry(key, conflictDelays);
      return 'requeue';
    }
    metrics?.reconcileErrors.inc(this.#labels);
    if (error instanceof RefusedWrite) {
      logger.warn({ err: error }, 'the API server refused a write');
      this.#queue.retry(key, refusedDelays);
      return 'error';
    }
    if (!(error instanceof Error) || error instanceof TypeError || error instanceof ReferenceError) {
      metrics?.reconcilePanics.inc(this.#labels);
    }
    logger.error(
      { err: error instanceof Error ? error : new Error(`not an error: ${String(error)}`) },
      'reconciling failed',
    );
    this.#queue.retry(key);
    return 'error';
  }

  /** Only tells: running the key a second time beside the first could do the same thing twice. */
  async #watchForStuck(signal: AbortSignal): Promise<void> {
    const { clock, metrics, stuckAfterMs = defaultStuckAfterMs } = this.#dependencies;
    while (!signal.aborted) {
      await clock.sleep(Math.min(stuckCheckMs, stuckAfterMs), signal).catch(() => undefined);
      for (const running of this.#running) {
        const ranMs = clock.now() - running.since;
        if (running.reported || ranMs < stuckAfterMs) continue;
        running.reported = true;
        metrics?.stuckReconciles.inc(this.#labels);
        running.logger.warn({ seconds: Math.round(ranMs / 1000) }, 'reconciling takes very long');
      }
    }
  }
}

/** Milliseconds for which a key is not worked on again; what it waited for while others had the thread counts. */
function restOf({ totalMs }: ThreadMeter, elapsedMs: number): number {
  if (totalMs < longOnThreadMs) return 0;
  return Math.min(maxRestMs, totalMs * (1 + restPerThreadTime) - elapsedMs);
}

function nameOf(key: string): ObjectName {
  const slash = key.indexOf('/');
  return slash === -1 ? { name: key } : { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}
