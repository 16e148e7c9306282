/** Values by namespace and key, the most recently set ones: when there are too many, one of the namespace with the most goes. */
export class FairRecent<T> {
  readonly #max: number;
  readonly #namespaces = new Map<string, Map<string, T>>();
  #size = 0;

  constructor(max: number) {
    this.#max = max;
  }

  get(namespace: string, key: string): T | undefined {
    return this.#namespaces.get(namespace)?.get(key);
  }

  /** Sets a value, which is the most recent one then. */
  set(namespace: string, key: string, value: T): void {
    this.delete(namespace, key);
    const values = this.#namespaces.get(namespace) ?? new Map<string, T>();
    this.#namespaces.set(namespace, values.set(key, value));
    this.#size++;
    if (this.#size <= this.#max) return;
    const loser = isGreedy(values.size, this.#size, this.#namespaces.size) ? namespace : this.#largest();
    const [oldest] = this.#namespaces.get(loser)?.keys() ?? [];
    if (oldest !== undefined) this.delete(loser, oldest);
  }

  delete(namespace: string, key: string): void {
    const values = this.#namespaces.get(namespace);
    if (values?.delete(key) !== true) return;
    this.#size--;
    if (values.size === 0) this.#namespaces.delete(namespace);
  }

  #largest(): string {
    return largestOf([...this.#namespaces].map(([namespace, { size }]) => ({ namespace, size })));
  }
}

/** Whether a namespace has its fair part of a whole already, so that it loses something of its own for what it adds. */
export function isGreedy(size: number, total: number, namespaces: number): boolean {
  return size * namespaces >= total;
}

/** The namespace that has the most. */
export function largestOf(sizes: Iterable<{ readonly namespace: string; readonly size: number }>): string {
  let largest = { namespace: '', size: 0 };
  for (const one of sizes) if (one.size > largest.size) largest = one;
  return largest.namespace;
}
