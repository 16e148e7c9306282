import { randomBytes } from 'node:crypto';
import type { ApiClient } from './api-client.ts';
import { ApiError, isNotFound } from './api-error.ts';
import type { Clock, TimerHandle } from './clock.ts';
import { FairRecent, isGreedy, largestOf } from './fair-recent.ts';
import type { KubeObject, ResourceType } from './kube-object.ts';
import type { Logger } from './logger.ts';
import type { RuntimeMetrics } from './metrics.ts';
import { microTime } from './micro-time.ts';
import { Turns } from './turns.ts';

/** One thing that happened to an object. */
export interface EventContent<R extends string = string> {
  readonly type: 'Normal' | 'Warning';
  /** CamelCase, why. */
  readonly reason: R;
  /** CamelCase, what was done. */
  readonly action: string;
  /** For people; cut at 1024 bytes. */
  readonly note: string;
}

/** Tells users what happened to an object. Never blocks and never fails. */
export interface EventRecorder<R extends string = string> {
  event(regarding: KubeObject & { readonly apiVersion?: string; readonly kind?: string }, event: EventContent<R>): void;
}

interface StoredEvent extends KubeObject {
  readonly eventTime: string;
  readonly reportingController: string;
  readonly reportingInstance: string;
  readonly action: string;
  readonly reason: string;
  readonly type: string;
  readonly note: string;
  readonly regarding: object;
  readonly series?: { readonly count: number; readonly lastObservedTime: string };
}

const events: ResourceType<StoredEvent> = {
  group: 'events.k8s.io',
  version: 'v1',
  kind: 'Event',
  plural: 'events',
  namespaced: true,
};

export interface EventRecorderOptions {
  readonly client: Pick<ApiClient, 'create' | 'mergePatch'>;
  /** Name of the controller that events show, for example `example.org/operator`. */
  readonly reportingController: string;
  /** This process, for example the Pod's name. */
  readonly reportingInstance: string;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly metrics?: RuntimeMetrics | undefined;
}

/** One event as users see it: sent once, counted after that. */
interface Series {
  readonly namespace: string;
  readonly key: string;
  readonly event: StoredEvent;
  count: number;
  lastObservedMs: number;
  /** What the server knows; 0 = nothing yet. */
  sentCount: number;
  sentMs: number;
  queued: boolean;
}

/** Repetitions within this time are the same event. */
const seriesWindowMs = 10 * 60_000;
/** Shortest time between two writes of one series. */
const seriesUpdateMs = 60_000;
const maxSeries = 4096;
const maxQueued = 1000;
const maxAttempts = 3;
/** New events of one object: so many at once, then one each five minutes, as client-go has it. */
const burstPerObject = 25;
const refillMs = 5 * 60_000;
const maxNoteBytes = 1024;

/**
 * Writes events.k8s.io/v1 in the background, one request at a time. Namespaces take turns. What waits, and what is remembered of
 * events and objects, is bounded: when there is too much, the namespace that has the most loses some of its own.
 */
export class BackgroundEventRecorder implements EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #series = new FairRecent<Series>(maxSeries);
  readonly #budgets = new FairRecent<{ readonly tokens: number; readonly atMs: number }>(maxSeries);
  readonly #queue = new Turns<Series>();
  readonly #timers = new Map<Series, TimerHandle>();
  #sending: Promise<void> | undefined;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
  }

  event(regarding: KubeObject, content: EventContent): void {
    const note = cutBytes(content.note, maxNoteBytes);
    const { uid, namespace, name } = regarding.metadata;
    const object = JSON.stringify([regarding.kind, namespace, name, uid]);
    const key = JSON.stringify([object, content.type, content.reason, content.action, note]);
    const nowMs = this.#options.clock.now();
    const home = namespace ?? '';
    const present = this.#series.get(home, key);
    if (present && nowMs - present.lastObservedMs < seriesWindowMs) {
      this.#series.set(home, key, present);
      present.count++;
      present.lastObservedMs = nowMs;
      this.#scheduleUpdate(present);
      return;
    }
    this.#series.delete(home, key);
    if (!this.#takeToken(home, object, nowMs)) {
      this.#dropped('rate');
      return;
    }
    const series: Series = {
      namespace: home,
      key,
      event: this.#build(regarding, { ...content, note }, nowMs),
      count: 1,
      lastObservedMs: nowMs,
      sentCount: 0,
      sentMs: 0,
      queued: false,
    };
    this.#series.set(home, key, series);
    this.#enqueue(series);
  }

  /** Sends what waits, also counts that were held back; at most for `timeoutMs`. */
  async flush(timeoutMs: number): Promise<void> {
    for (const [series, timer] of this.#timers) {
      this.#options.clock.clearTimeout(timer);
      this.#enqueue(series);
    }
    this.#timers.clear();
    const bound = new AbortController();
    await Promise.race([this.#sending, this.#options.clock.sleep(timeoutMs, bound.signal).catch(() => undefined)]);
    bound.abort();
  }

  #scheduleUpdate(series: Series): void {
    if (series.queued || this.#timers.has(series)) return;
    const waitMs = Math.max(0, series.sentMs + seriesUpdateMs - this.#options.clock.now());
    const timer = this.#options.clock.setTimeout(() => {
      this.#timers.delete(series);
      this.#enqueue(series);
    }, waitMs);
    this.#timers.set(series, timer);
  }

  #enqueue(series: Series): void {
    if (series.queued) return;
    const { namespace } = series;
    if (this.#queue.size >= maxQueued) {
      const greedy = isGreedy(this.#queue.sizeOf(namespace), this.#queue.size, this.#queue.namespaces);
      const loser = greedy ? series : this.#queue.shiftOf(largestOf(this.#queue.sizes()));
      if (loser !== undefined) {
        loser.queued = false;
        this.#series.delete(loser.namespace, loser.key);
        this.#dropped('queue full');
      }
      if (greedy) return;
    }
    series.queued = true;
    this.#queue.add(namespace, series);
    this.#sending ??= this.#sendAll().finally(() => {
      this.#sending = undefined;
    });
  }

  async #sendAll(): Promise<void> {
    for (let series = this.#queue.shift(); series; series = this.#queue.shift()) {
      const count = series.count;
      series.queued = false;
      if (count === series.sentCount) continue;
      for (let attempt = 1; ; attempt++) {
        try {
          await this.#send(series, count);
          series.sentCount = count;
          series.sentMs = this.#options.clock.now();
          if (series.count > count) this.#scheduleUpdate(series);
          break;
        } catch (error) {
          if (attempt < maxAttempts && isPassing(error)) {
            await this.#options.clock.sleep(1000 * attempt);
            continue;
          }
          // The next one of its kind starts again (an event expires after an hour).
          const { namespace, key } = series;
          if (this.#series.get(namespace, key) === series) this.#series.delete(namespace, key);
          this.#dropped(error instanceof ApiError ? error.reason : 'error');
          const log = isPassing(error) ? 'warn' : 'debug';
          const { regarding, reason } = series.event;
          this.#options.logger[log]({ err: error, regarding, reason }, 'an event was not stored');
          break;
        }
      }
    }
  }

  async #send(series: Series, count: number): Promise<void> {
    const { client } = this.#options;
    const lastObservedTime = microTime(series.lastObservedMs);
    const repeated = count > 1 ? { series: { count, lastObservedTime } } : {};
    if (series.sentCount === 0) {
      await client.create(events, { ...series.event, ...repeated });
      return;
    }
    try {
      await client.mergePatch(events, series.event.metadata, repeated);
    } catch (error) {
      if (!isNotFound(error)) throw error;
      await client.create(events, { ...series.event, ...repeated });
    }
  }

  #build(regarding: KubeObject, content: EventContent, nowMs: number): StoredEvent {
    const { name, namespace, uid, resourceVersion } = regarding.metadata;
    return {
      metadata: {
        name: `${name.slice(0, 220).replace(/[.-]+$/, '')}.${randomBytes(8).toString('hex')}`,
        namespace: namespace ?? 'default',
      },
      eventTime: microTime(nowMs),
      reportingController: this.#options.reportingController,
      reportingInstance: this.#options.reportingInstance.slice(0, 128),
      action: content.action,
      reason: content.reason,
      type: content.type,
      note: content.note,
      regarding: { apiVersion: regarding.apiVersion, kind: regarding.kind, name, namespace, uid, resourceVersion },
    };
  }

  #takeToken(namespace: string, object: string, nowMs: number): boolean {
    const present = this.#budgets.get(namespace, object) ?? { tokens: burstPerObject, atMs: nowMs };
    const tokens = Math.min(burstPerObject, present.tokens + (nowMs - present.atMs) / refillMs);
    this.#budgets.set(namespace, object, { tokens: tokens >= 1 ? tokens - 1 : tokens, atMs: nowMs });
    return tokens >= 1;
  }

  #dropped(cause: string): void {
    this.#options.metrics?.eventsDropped.inc({ cause });
  }
}

function isPassing(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 0 ? error.reason !== 'WriteRefused' : error.status >= 429);
}

/** The longest beginning of the text that fits, without half a character at its end. */
export function cutBytes(text: string, maxBytes: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= maxBytes) return text;
  let end = maxBytes;
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return bytes.toString('utf8', 0, end);
}
