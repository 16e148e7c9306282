import type { WatchClient } from './api-client.ts';
import { ApiError, isExpired, isNotFound } from './api-error.ts';
import { BackOff } from './back-off.ts';
import type { ObjectCache } from './cache.ts';
import type { Clock } from './clock.ts';
import type { KubeObject, ResourceType } from './kube-object.ts';
import type { Logger } from './logger.ts';
import type { RuntimeMetrics } from './metrics.ts';
import { isNewer } from './resource-version.ts';

/** How long a watch lives, and how long is waited after one that failed. */
export interface ReflectorTimings {
  /** First and longest pause after a failure, milliseconds. */
  readonly backOffBaseMs: number;
  readonly backOffMaxMs: number;
  /** A watch that lived so long was healthy: the next failure is the first again. */
  readonly healthyAfterMs: number;
  /** Bounds of the time after which the server ends a watch, seconds. */
  readonly watchMinSeconds: number;
  readonly watchMaxSeconds: number;
  /** The server sends a bookmark about every minute: silence for so long means that the connection is dead. */
  readonly idleTimeoutMs: number;
  /** How long after its own end a watch may go on before it is cut off. */
  readonly overtimeMs: number;
}

const defaultTimings: ReflectorTimings = {
  backOffBaseMs: 200,
  backOffMaxMs: 30_000,
  healthyAfterMs: 60_000,
  watchMinSeconds: 300,
  watchMaxSeconds: 600,
  idleTimeoutMs: 180_000,
  overtimeMs: 30_000,
};

export interface ReflectorOptions<T extends KubeObject> {
  readonly client: WatchClient;
  readonly type: ResourceType<T>;
  readonly namespace: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  readonly pageSize?: number | undefined;
  readonly cache: ObjectCache<T>;
  readonly onListed: () => void;
  readonly logger: Logger;
  readonly metrics?: RuntimeMetrics | undefined;
  readonly clock: Clock;
  readonly random: () => number;
  readonly timings?: Partial<ReflectorTimings> | undefined;
}

/** Failed watches in a row, each refused by the server, after which the position itself is suspected. */
const suspectPositionAfter = 5;
/** Lists in a row that are older than what was seen, after which the storage is taken to be restored from a backup. */
const believeOlderListAfter = 5;

/** How one watch ended. */
interface WatchEnd {
  /** Its position can not be used again. */
  readonly relist: boolean;
  readonly failure?: unknown;
}

/** Keeps a cache like the collection on the server: list, then watch, for ever; whatever fails is tried again with back-off. */
export class Reflector<T extends KubeObject> {
  readonly #options: ReflectorOptions<T>;
  readonly #timings: ReflectorTimings;
  readonly #backOff: BackOff;
  #position: string | undefined;
  #refusedWatches = 0;
  #olderLists = 0;

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
    this.#timings = { ...defaultTimings, ...options.timings };
    this.#backOff = new BackOff({
      baseMs: this.#timings.backOffBaseMs,
      maxMs: this.#timings.backOffMaxMs,
      random: options.random,
    });
    options.metrics?.trackReflector(options.type.plural);
  }

  /** Works until the signal is aborted; never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    let listed = false;
    while (!signal.aborted) {
      const started = this.#options.clock.now();
      let failure: unknown;
      try {
        if (!listed) {
          listed = await this.#list(signal);
          if (listed) continue;
        } else {
          const end = await this.#watch(signal);
          failure = end.failure;
          listed = !end.relist;
        }
      } catch (error) {
        failure = error;
        listed = listed && !this.#spoilsPosition(error);
      }
      if (signal.aborted) return;
      if (this.#options.clock.now() - started >= this.#timings.healthyAfterMs) {
        this.#backOff.reset();
        if (failure === undefined) continue;
      }
      // Also after an orderly end: a server that closes every watch at once must not be asked in a loop.
      const delayMs = Math.max(this.#backOff.next(), retryAfterMs(failure));
      if (failure !== undefined) this.#report(failure, delayMs);
      await this.#options.clock.sleep(delayMs, signal).catch(() => undefined);
    }
  }

  async #list(signal: AbortSignal): Promise<boolean> {
    const { client, type, namespace, labelSelector, fieldSelector, pageSize, cache, logger } = this.#options;
    this.#options.metrics?.reflectorLists.inc({ name: type.plural });
    const list = await client.list(type, {
      namespace,
      labelSelector,
      fieldSelector,
      pageSize,
      transform: (object) => cache.slim(object),
      signal,
    });
    // A quorum read can not be behind, but a broken proxy or a storage restored from a backup can.
    const wentBack = isNewer(this.#position, list.resourceVersion);
    if (wentBack && ++this.#olderLists < believeOlderListAfter) {
      logger.warn({ resource: type.plural, listed: list.resourceVersion, seen: this.#position }, 'an older list came');
      return false;
    }
    if (wentBack) logger.error({ resource: type.plural }, 'the versions of the API server went back, starting over');
    this.#olderLists = 0;
    this.#refusedWatches = 0;
    cache.replace(namespace, list.items, list.resourceVersion, wentBack);
    this.#position = list.resourceVersion;
    this.#options.onListed();
    return true;
  }

  async #watch(signal: AbortSignal): Promise<WatchEnd> {
    const { client, type, namespace, labelSelector, fieldSelector, cache, clock, random, metrics } = this.#options;
    const { watchMinSeconds, watchMaxSeconds, idleTimeoutMs, overtimeMs } = this.#timings;
    const timeoutSeconds = Math.round(watchMinSeconds + random() * (watchMaxSeconds - watchMinSeconds));
    const overtime = new AbortController();
    const timer = clock.setTimeout(
      () => overtime.abort(new DOMException('the watch did not end in time', 'TimeoutError')),
      timeoutSeconds * 1000 + overtimeMs,
    );
    metrics?.reflectorWatches.inc({ name: type.plural });
    try {
      const batches = client.watch(type, {
        namespace,
        labelSelector,
        fieldSelector,
        resourceVersion: this.#position ?? '',
        timeoutSeconds,
        idleTimeoutMs,
        signal: AbortSignal.any([signal, overtime.signal]),
      });
      for await (const batch of batches) {
        for (const event of batch) {
          // Whatever it says, the same position could end in the same error.
          if (event.type === 'ERROR') return { relist: true, failure: event.error };
          const current = cache.apply(namespace, event.type, event.object);
          // A bookmark that is older than what was seen: this server's storage is behind or was restored.
          if (!current && event.type === 'BOOKMARK') return { relist: true };
          if (current) this.#position = event.object.metadata.resourceVersion;
          this.#refusedWatches = 0;
        }
      }
      return { relist: false };
    } finally {
      clock.clearTimeout(timer);
    }
  }

  /** Whether after this failure of a watch its position can not be used again. A lost connection or a busy server leave it good. */
  #spoilsPosition(error: unknown): boolean {
    if (!(error instanceof ApiError)) return !(error instanceof DOMException);
    if (isExpired(error) || error.reason === 'InvalidResponse') return true;
    if (error.status === 0 || error.status === 429) return false;
    return ++this.#refusedWatches >= suspectPositionAfter;
  }

  #report(error: unknown, delayMs: number): void {
    const { type, namespace, logger, metrics } = this.#options;
    metrics?.reflectorErrors.inc({ name: type.plural });
    const about = { resource: type.plural, namespace, err: error, retryInMs: Math.round(delayMs) };
    if (isExpired(error)) logger.debug(about, 'the watch is too far behind, listing again');
    else if (isNotFound(error)) logger.info(about, 'the API server does not serve this kind (yet)');
    // One lost watch needs no attention; a second one in a row does.
    else if (this.#backOff.failures <= 1 && this.#position !== undefined) logger.debug(about, 'a watch failed');
    else logger.warn(about, 'listing or watching fails');
  }
}

function retryAfterMs(error: unknown): number {
  return error instanceof ApiError ? (error.retryAfterSeconds ?? 0) * 1000 : 0;
}
