import { deepFreeze, withoutManagedFields } from './frozen-object.ts';
import type { KubeObject, ObjectName } from './kube-object.ts';
import type { Logger } from './logger.ts';
import { type Indexer, keyOf, ObjectStore } from './object-store.ts';
import { isNewer } from './resource-version.ts';
import { compileSelector } from './selector.ts';

/** A change of a cache. Of an object that was created again under its name (another UID) two come: `deleted`, then `added`. */
export interface CacheEvent<T extends KubeObject> {
  readonly type: 'added' | 'modified' | 'deleted';
  /** The object now; of a deleted one the last known state. */
  readonly object: T;
  readonly previous?: T;
  /** Part of the first list: nothing changed, so it can wait behind what did. */
  readonly initial: boolean;
}

/** What is known of one kind, read without a request. Objects are deep-frozen and carry no `managedFields`. */
export interface Cache<T extends KubeObject> {
  get(name: ObjectName): T | undefined;
  list(namespace?: string): readonly T[];
  /** @throws RangeError for an unknown index. */
  byIndex(index: string, key: string): readonly T[];
  /**
   * Takes in what a write of ours returned, so that the next read sees it. Dropped when the cache has that or a newer version.
   * Emits the event that the watch would; the watch's own event of the same version is dropped then. Freezes the object.
   */
  observe(object: T): void;
  /**
   * Takes in that a list of ours did not have an object which the cache has. Dropped when the cache has a version of it from after
   * the list. Emits the event that the watch would; older events of the watch do not bring the object back.
   */
  observeAbsence(object: T, listVersion: string): void;
  readonly size: number;
}

export interface ObjectCacheOptions<T extends KubeObject> {
  /** One partition each; all namespaces in one when absent. */
  readonly namespaces?: readonly string[] | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  readonly transform?: ((object: T) => T) | undefined;
  readonly logger: Logger;
  readonly emit: (event: CacheEvent<T>) => void;
}

/** What one reflector feeds. */
interface Partition {
  /** The version up to which lists and watches have shown everything. */
  reached: string | undefined;
}

interface Removal {
  readonly uid: string | undefined;
  readonly resourceVersion: string | undefined;
  readonly partition: Partition;
}

/**
 * The cache of one kind: fed by a reflector per partition and by our own writes. An object never goes back to an older version,
 * whichever of list, watch and write tells of it first.
 */
export class ObjectCache<T extends KubeObject> implements Cache<T> {
  readonly #store = new ObjectStore<T>();
  readonly #partitions = new Map<string | undefined, Partition>();
  /** Removals known from our own writes, until the watch has passed them: its older events must not bring the object back. */
  readonly #removed = new Map<string, Removal>();
  readonly #matches: (object: KubeObject) => boolean;
  readonly #options: ObjectCacheOptions<T>;

  constructor(options: ObjectCacheOptions<T>) {
    this.#options = options;
    this.#matches = compileSelector(options);
    for (const namespace of options.namespaces ?? [undefined]) {
      this.#partitions.set(namespace, { reached: undefined });
    }
  }

  get size(): number {
    return this.#store.size;
  }

  get(name: ObjectName): T | undefined {
    return this.#store.get(keyOf(name));
  }

  list(namespace?: string): readonly T[] {
    return this.#store.list(namespace);
  }

  byIndex(index: string, key: string): readonly T[] {
    return this.#store.byIndex(index, key);
  }

  /**
   * The object with no more than the cache keeps of it, for who gathers many before the cache takes them in. What can't be
   * transformed stays as it is.
   */
  slim(object: T): T {
    return this.#slim(object) ?? object;
  }

  /** Adds an index over the present and all later objects. */
  addIndexer(name: string, indexer: Indexer<T>): void {
    this.#store.addIndex(name, this.#guard(name, indexer));
  }

  observe(object: T): void {
    const partition = this.#partitions.get(undefined) ?? this.#partitions.get(object.metadata.namespace);
    if (partition === undefined) return;
    const key = keyOf(object.metadata);
    const { resourceVersion } = object.metadata;
    if (isGone(object) || !this.#matches(object)) {
      this.#remove(partition, resourceVersion, object);
      return;
    }
    // The stream has passed this version: it is known, or something newer (perhaps a deletion) is.
    if (!isNewer(resourceVersion, partition.reached)) return;
    const removed = this.#removed.get(key);
    if (removed && !isNewer(resourceVersion, removed.resourceVersion)) return;
    this.#put(key, object, false, false, (event) => this.#emit(event));
  }

  observeAbsence(object: T, listVersion: string): void {
    const partition = this.#partitions.get(undefined) ?? this.#partitions.get(object.metadata.namespace);
    if (partition !== undefined) this.#remove(partition, listVersion, object);
  }

  /** @param removedAt the version at which the object was known not to exist any more */
  #remove(partition: Partition, removedAt: string | undefined, object: T): void {
    const key = keyOf(object.metadata);
    const { uid } = object.metadata;
    const present = this.#store.get(key);
    if (present === undefined || present.metadata.uid !== uid) return;
    if (isNewer(present.metadata.resourceVersion, removedAt)) return;
    this.#removed.set(key, { uid, resourceVersion: removedAt, partition });
    this.#store.delete(key);
    this.#emit({ type: 'deleted', object: this.#prepare(object) ?? present, previous: present, initial: false });
  }

  /**
   * Takes in one watch event. `BOOKMARK` only tells how far the watch is.
   *
   * @returns false when the event is older than what was already shown, so it comes from a server that is behind.
   */
  apply(namespace: string | undefined, type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK', object: T): boolean {
    const partition = this.#partition(namespace);
    const { resourceVersion, uid } = object.metadata;
    if (!isNewer(resourceVersion, partition.reached)) {
      return type === 'BOOKMARK' && resourceVersion === partition.reached;
    }
    partition.reached = resourceVersion;
    if (type !== 'BOOKMARK') {
      const key = keyOf(object.metadata);
      const removed = this.#removed.get(key);
      const old = removed !== undefined && removed.uid === uid && !isNewer(resourceVersion, removed.resourceVersion);
      if (removed !== undefined && !isNewer(removed.resourceVersion, resourceVersion)) this.#removed.delete(key);
      if (type === 'DELETED') this.#applyDeleted(key, object);
      else if (!old) this.#put(key, object, false, false, (event) => this.#emit(event));
    }
    // Each removal has an event of its own; what has none for any reason goes with the next bookmark.
    if (type === 'BOOKMARK') this.#forgetRemovals(partition);
    return true;
  }

  /**
   * Takes in a whole list. What a write of ours showed since the list was made stays. Events come after all of it is in place, so
   * that a handler that looks around sees the whole.
   *
   * @param force the versions of the server went back (it was restored from a backup): believe the list even where it is older.
   */
  replace(namespace: string | undefined, items: readonly T[], listVersion: string, force: boolean): void {
    const partition = this.#partition(namespace);
    const initial = partition.reached === undefined;
    const listed = new Set<string>();
    const events: CacheEvent<T>[] = [];
    for (const item of items) {
      const key = keyOf(item.metadata);
      listed.add(key);
      const removed = this.#removed.get(key);
      const { uid, resourceVersion } = item.metadata;
      if (!force && removed?.uid === uid && !isNewer(resourceVersion, removed?.resourceVersion)) continue;
      this.#put(key, item, initial, force, (event) => events.push(event));
    }
    for (const object of this.#store.list(namespace)) {
      const key = keyOf(object.metadata);
      if (listed.has(key) || (!force && isNewer(object.metadata.resourceVersion, listVersion))) continue;
      this.#store.delete(key);
      events.push({ type: 'deleted', object, previous: object, initial: false });
    }
    partition.reached = listVersion;
    this.#forgetRemovals(partition);
    for (const event of events) this.#emit(event);
  }

  #applyDeleted(key: string, object: T): void {
    const present = this.#store.get(key);
    if (present === undefined) return;
    // A newer version of it, or its successor, is known already from our own write.
    if (isNewer(present.metadata.resourceVersion, object.metadata.resourceVersion)) return;
    this.#store.delete(key);
    const last = present.metadata.uid === object.metadata.uid ? (this.#prepare(object) ?? present) : present;
    this.#emit({ type: 'deleted', object: last, previous: present, initial: false });
  }

  #put(key: string, raw: T, initial: boolean, force: boolean, emit: (event: CacheEvent<T>) => void): void {
    const present = this.#store.get(key);
    const version = raw.metadata.resourceVersion;
    if (present !== undefined) {
      const known = present.metadata.resourceVersion;
      if (force ? version === known && present.metadata.uid === raw.metadata.uid : !isNewer(version, known)) return;
    }
    const object = this.#prepare(raw);
    if (object === undefined) return;
    this.#removed.delete(key);
    if (present !== undefined && present.metadata.uid !== object.metadata.uid) {
      this.#store.delete(key);
      this.#store.set(key, object);
      emit({ type: 'deleted', object: present, previous: present, initial: false });
      emit({ type: 'added', object, initial });
      return;
    }
    this.#store.set(key, object);
    emit(
      present === undefined
        ? { type: 'added', object, initial }
        : { type: 'modified', object, previous: present, initial },
    );
  }

  #emit(event: CacheEvent<T>): void {
    this.#options.emit(event);
  }

  #prepare(raw: T): T | undefined {
    const object = this.#slim(raw);
    return object === undefined ? undefined : deepFreeze(object);
  }

  #slim(raw: T): T | undefined {
    const object = withoutManagedFields(raw);
    try {
      return this.#options.transform?.(object) ?? object;
    } catch (error) {
      // Keeping it whole could keep what the transformation was there to drop.
      this.#options.logger.error({ err: error, object: keyOf(raw.metadata) }, 'an object could not be transformed');
      return undefined;
    }
  }

  readonly #guarded = new Map<Indexer<T>, Indexer<T>>();

  /** An indexer that throws must not stop the reflector. */
  #guard(name: string, indexer: Indexer<T>): Indexer<T> {
    let guarded = this.#guarded.get(indexer);
    if (guarded === undefined) {
      guarded = (object) => {
        try {
          return indexer(object);
        } catch (error) {
          this.#options.logger.error({ err: error, index: name, object: keyOf(object.metadata) }, 'an indexer failed');
          return [];
        }
      };
      this.#guarded.set(indexer, guarded);
    }
    return guarded;
  }

  #forgetRemovals(partition: Partition): void {
    for (const [key, removal] of this.#removed) {
      if (removal.partition === partition && !isNewer(removal.resourceVersion, partition.reached)) {
        this.#removed.delete(key);
      }
    }
  }

  #partition(namespace: string | undefined): Partition {
    const partition = this.#partitions.get(namespace);
    if (partition === undefined) throw new RangeError(`the cache has no partition for namespace "${namespace}"`);
    return partition;
  }
}

/** The answer to a write that took the last finalizer off a deleted object: it does not exist any more. */
function isGone({ metadata }: KubeObject): boolean {
  const graceful = 'deletionGracePeriodSeconds' in metadata && Number(metadata.deletionGracePeriodSeconds) > 0;
  return metadata.deletionTimestamp !== undefined && !metadata.finalizers?.length && !graceful;
}
