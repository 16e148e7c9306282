import type { StorageBackend, StorageBackendStatus } from '../../api/v1alpha1/storage-backend.ts';
import type { Cache, CacheEvent } from '../../runtime/cache.ts';
import { deepFreeze } from '../../runtime/frozen-object.ts';
import type { CacheEventHandler, Informer } from '../../runtime/informer.ts';
import type { ObjectName } from '../../runtime/kube-object.ts';
import type { Logger } from '../../runtime/logger.ts';
import type { Indexer } from '../../runtime/object-store.ts';

interface OwnStatus {
  readonly uid: string | undefined;
  readonly status: StorageBackendStatus;
}

/**
 * Backends as seen by a process that may not write their status: the status that it worked out itself replaces the stored one. A
 * backend that it has not probed yet appears as it is stored.
 */
export class OwnBackendView implements Informer<StorageBackend> {
  readonly cache: Cache<StorageBackend>;
  readonly #stored: Informer<StorageBackend>;
  readonly #logger: Logger;
  readonly #own = new Map<string, OwnStatus>();
  readonly #handlers: CacheEventHandler<StorageBackend>[] = [];

  constructor(stored: Informer<StorageBackend>, logger: Logger) {
    this.#stored = stored;
    this.#logger = logger;
    const show = (backend: StorageBackend): StorageBackend => this.#show(backend);
    this.cache = {
      get: (name) => {
        const backend = stored.cache.get(name);
        return backend === undefined ? undefined : show(backend);
      },
      list: () => stored.cache.list().map(show),
      byIndex: (index, key) => stored.cache.byIndex(index, key).map(show),
      observe: (backend) => stored.cache.observe(backend),
      observeAbsence: (backend, listVersion) => stored.cache.observeAbsence(backend, listVersion),
      get size() {
        return stored.cache.size;
      },
    };
  }

  get type(): Informer<StorageBackend>['type'] {
    return this.#stored.type;
  }

  get synced(): boolean {
    return this.#stored.synced;
  }

  async whenSynced(signal?: AbortSignal): Promise<void> {
    await this.#stored.whenSynced(signal);
  }

  onEvent(handler: CacheEventHandler<StorageBackend>): void {
    this.#handlers.push(handler);
    this.#stored.onEvent((event) => {
      const { previous } = event;
      handler({
        ...event,
        object: this.#show(event.object),
        ...(previous === undefined ? {} : { previous: this.#show(previous) }),
      });
    });
  }

  /** The functions get the stored status. */
  addIndexers(indexers: Readonly<Record<string, Indexer<StorageBackend>>>): void {
    this.#stored.addIndexers(indexers);
  }

  start(signal: AbortSignal): void {
    this.#stored.start(signal);
  }

  /** Replaces the status of the backend and notifies handlers as of any change. Does nothing where the backend is gone. */
  keep({ metadata }: StorageBackend, status: StorageBackendStatus): void {
    const { name, uid } = metadata;
    const previous = this.cache.get({ name });
    if (previous === undefined || previous.metadata.uid !== uid) return;
    this.#own.set(name, { uid, status: deepFreeze(status) });
    this.#notify({ type: 'modified', object: this.#show(previous), previous, initial: false });
  }

  /** Keeps a status that the backend shows already, whatever is stored later. */
  hold({ metadata: { name, uid } }: StorageBackend, status: StorageBackendStatus): void {
    if (this.#own.get(name)?.uid !== uid) this.#own.set(name, { uid, status: deepFreeze(status) });
  }

  /** The backend is gone. */
  forget({ name }: ObjectName): void {
    this.#own.delete(name);
  }

  #show(backend: StorageBackend): StorageBackend {
    const own = this.#own.get(backend.metadata.name);
    return own === undefined || own.uid !== backend.metadata.uid
      ? backend
      : Object.freeze({ ...backend, status: own.status });
  }

  #notify(event: CacheEvent<StorageBackend>): void {
    for (const handler of this.#handlers) {
      try {
        handler(event);
      } catch (error) {
        const { name } = event.object.metadata;
        this.#logger.error({ err: error, resource: this.type.plural, name }, 'an event handler failed');
      }
    }
  }
}
