import type { KubeObject } from './kube-object.ts';

/** The keys that an object is found under in one index. */
export type Indexer<T> = (object: T) => readonly string[];

/** Objects by key, with an array of them that is built once per change and not once per read. */
class Bucket<T> {
  readonly objects = new Map<string, T>();
  #array: readonly T[] | undefined;

  set(key: string, object: T): void {
    this.objects.set(key, object);
    this.#array = undefined;
  }

  delete(key: string): void {
    this.objects.delete(key);
    this.#array = undefined;
  }

  array(): readonly T[] {
    this.#array ??= Object.freeze([...this.objects.values()]);
    return this.#array;
  }
}

interface Index<T> {
  readonly keysOf: Indexer<T>;
  readonly buckets: Map<string, Bucket<T>>;
}

const none: readonly never[] = Object.freeze([]);

/** Key of an object in a cache and in a work queue: `namespace/name`, or `name`. */
export function keyOf(name: { readonly namespace?: string | undefined; readonly name: string }): string {
  return name.namespace === undefined ? name.name : `${name.namespace}/${name.name}`;
}

/** Objects of one kind by key, by namespace and by any number of indexes. Indexers must be pure and must not throw. */
export class ObjectStore<T extends KubeObject> {
  readonly #all = new Bucket<T>();
  readonly #namespaces = new Map<string, Bucket<T>>();
  readonly #indexes = new Map<string, Index<T>>();

  get size(): number {
    return this.#all.objects.size;
  }

  get(key: string): T | undefined {
    return this.#all.objects.get(key);
  }

  list(namespace?: string): readonly T[] {
    return namespace === undefined ? this.#all.array() : (this.#namespaces.get(namespace)?.array() ?? none);
  }

  /** @throws RangeError when no such index was defined. */
  byIndex(name: string, key: string): readonly T[] {
    const index = this.#indexes.get(name);
    if (index === undefined) throw new RangeError(`there is no index "${name}"`);
    return index.buckets.get(key)?.array() ?? none;
  }

  /** @throws RangeError when the name is taken by another function. */
  addIndex(name: string, keysOf: Indexer<T>): void {
    const present = this.#indexes.get(name);
    if (present?.keysOf === keysOf) return;
    if (present) throw new RangeError(`the index "${name}" exists with another function`);
    const index: Index<T> = { keysOf, buckets: new Map() };
    this.#indexes.set(name, index);
    for (const [key, object] of this.#all.objects) addTo(index.buckets, keysOf(object), key, object);
  }

  set(key: string, object: T): void {
    const previous = this.#all.objects.get(key);
    this.#all.set(key, object);
    if (object.metadata.namespace !== undefined) addTo(this.#namespaces, [object.metadata.namespace], key, object);
    for (const { keysOf, buckets } of this.#indexes.values()) {
      const keys = keysOf(object);
      if (previous) {
        removeFrom(
          buckets,
          keysOf(previous).filter((old) => !keys.includes(old)),
          key,
        );
      }
      addTo(buckets, keys, key, object);
    }
  }

  delete(key: string): void {
    const previous = this.#all.objects.get(key);
    if (previous === undefined) return;
    this.#all.delete(key);
    if (previous.metadata.namespace !== undefined) removeFrom(this.#namespaces, [previous.metadata.namespace], key);
    for (const { keysOf, buckets } of this.#indexes.values()) removeFrom(buckets, keysOf(previous), key);
  }
}

function addTo<T>(buckets: Map<string, Bucket<T>>, names: readonly string[], key: string, object: T): void {
  for (const name of names) {
    let bucket = buckets.get(name);
    if (bucket === undefined) {
      bucket = new Bucket();
      buckets.set(name, bucket);
    }
    bucket.set(key, object);
  }
}

function removeFrom<T>(buckets: Map<string, Bucket<T>>, names: readonly string[], key: string): void {
  for (const name of names) {
    const bucket = buckets.get(name);
    bucket?.delete(key);
    if (bucket?.objects.size === 0) buckets.delete(name);
  }
}
