import type { WatchClient } from './api-client.ts';
import { type Cache, type CacheEvent, ObjectCache } from './cache.ts';
import { type Clock, systemClock } from './clock.ts';
import type { KubeObject, ResourceType } from './kube-object.ts';
import type { Logger } from './logger.ts';
import type { RuntimeMetrics } from './metrics.ts';
import type { Indexer } from './object-store.ts';
import { Reflector, type ReflectorTimings } from './reflector.ts';

export interface InformerOptions<T extends KubeObject> {
  readonly type: ResourceType<T>;
  /** One reflector each; all namespaces when absent. */
  readonly namespaces?: readonly string[];
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /** Most objects that come with one request of a list. */
  readonly pageSize?: number;
  /** Pure functions from an object to the keys it is found under with `byIndex`. */
  readonly indexers?: Readonly<Record<string, Indexer<T>>>;
  /** Changes an object before it is kept, for example to drop data; must keep its name and version, and what it changed as it is. */
  readonly transform?: (object: T) => T;
}

export interface InformerDependencies {
  readonly logger: Logger;
  readonly metrics?: RuntimeMetrics | undefined;
  readonly clock?: Clock | undefined;
  readonly random?: (() => number) | undefined;
  readonly timings?: Partial<ReflectorTimings> | undefined;
}

/** Called after the cache has taken the change in, in the order of the changes. */
export type CacheEventHandler<T extends KubeObject> = (event: CacheEvent<T>) => void;

/** Follows one kind: a cache that is kept up to date, and its changes. */
export interface Informer<T extends KubeObject> {
  readonly type: ResourceType<T>;
  readonly cache: Cache<T>;
  /** Whether the first list of every reflector is in the cache. */
  readonly synced: boolean;
  /** Resolves when synced; rejects with the signal's reason. */
  whenSynced(signal?: AbortSignal): Promise<void>;
  /** A late handler gets the present content as `added`, `initial`. A handler that throws is logged and stops nothing. */
  onEvent(handler: CacheEventHandler<T>): void;
  /** @throws RangeError when a name is taken by another function. */
  addIndexers(indexers: Readonly<Record<string, Indexer<T>>>): void;
  /** Starts to follow, until the signal is aborted; once. */
  start(signal: AbortSignal): void;
}

/** Creates an informer; nothing is asked of the server before `start`. */
export function createInformer<T extends KubeObject>(
  client: WatchClient,
  options: InformerOptions<T>,
  dependencies: InformerDependencies,
): Informer<T> {
  return new ReflectedInformer(client, options, dependencies);
}

class ReflectedInformer<T extends KubeObject> implements Informer<T> {
  readonly type: ResourceType<T>;
  readonly cache: ObjectCache<T>;
  readonly #client: WatchClient;
  readonly #options: InformerOptions<T>;
  readonly #dependencies: InformerDependencies;
  readonly #handlers: CacheEventHandler<T>[] = [];
  readonly #sync = Promise.withResolvers<void>();
  readonly #unsynced: Set<string | undefined>;
  #started = false;

  constructor(client: WatchClient, options: InformerOptions<T>, dependencies: InformerDependencies) {
    this.type = options.type;
    this.#client = client;
    this.#options = options;
    this.#dependencies = dependencies;
    this.#unsynced = new Set(options.namespaces ?? [undefined]);
    this.cache = new ObjectCache<T>({
      ...options,
      logger: dependencies.logger,
      emit: (event) => {
        for (const handler of this.#handlers) this.#call(handler, event);
      },
    });
    this.addIndexers(options.indexers ?? {});
  }

  get synced(): boolean {
    return this.#unsynced.size === 0;
  }

  async whenSynced(signal?: AbortSignal): Promise<void> {
    if (signal === undefined || this.synced) return this.#sync.promise;
    signal.throwIfAborted();
    const { promise: aborted, reject } = Promise.withResolvers<never>();
    const onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      await Promise.race([this.#sync.promise, aborted]);
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  onEvent(handler: CacheEventHandler<T>): void {
    this.#handlers.push(handler);
    for (const object of this.cache.list()) this.#call(handler, { type: 'added', object, initial: true });
  }

  addIndexers(indexers: Readonly<Record<string, Indexer<T>>>): void {
    for (const [name, indexer] of Object.entries(indexers)) this.cache.addIndexer(name, indexer);
  }

  start(signal: AbortSignal): void {
    if (this.#started) return;
    this.#started = true;
    for (const namespace of this.#options.namespaces ?? [undefined]) {
      const reflector = new Reflector<T>({
        client: this.#client,
        type: this.type,
        namespace,
        labelSelector: this.#options.labelSelector,
        fieldSelector: this.#options.fieldSelector,
        pageSize: this.#options.pageSize,
        cache: this.cache,
        onListed: () => this.#listed(namespace),
        logger: this.#dependencies.logger,
        metrics: this.#dependencies.metrics,
        clock: this.#dependencies.clock ?? systemClock,
        random: this.#dependencies.random ?? Math.random,
        timings: this.#dependencies.timings,
      });
      void reflector.run(signal);
    }
  }

  #listed(namespace: string | undefined): void {
    this.#unsynced.delete(namespace);
    if (this.synced) this.#sync.resolve();
  }

  #call(handler: CacheEventHandler<T>, event: CacheEvent<T>): void {
    try {
      handler(event);
    } catch (error) {
      const { namespace, name } = event.object.metadata;
      this.#dependencies.logger.error(
        { err: error, resource: this.type.plural, namespace, name },
        'an event handler failed',
      );
    }
  }
}
