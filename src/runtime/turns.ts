import { Fifo } from './fifo.ts';

/** Items first in, first out within a namespace; the namespaces take turns. */
export class Turns<T extends string | object> {
  /** In the order of their turns. */
  readonly #order = new Fifo<string>();
  readonly #items = new Map<string, Fifo<T>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** How many items there are of each namespace. */
  *sizes(): Generator<{ readonly namespace: string; readonly size: number }> {
    for (const [namespace, { size }] of this.#items) yield { namespace, size };
  }

  /** How many namespaces have items. */
  get namespaces(): number {
    return this.#items.size;
  }

  /** How many items of a namespace there are. */
  sizeOf(namespace: string): number {
    return this.#items.get(namespace)?.size ?? 0;
  }

  /** Takes the next item of a namespace, whosever turn it is. */
  shiftOf(namespace: string): T | undefined {
    const item = this.#items.get(namespace)?.peek();
    if (item !== undefined) this.delete(namespace, item);
    return item;
  }

  /** Adds an item that is not there. */
  add(namespace: string, item: T): void {
    let items = this.#items.get(namespace);
    if (items === undefined) {
      items = new Fifo();
      this.#items.set(namespace, items);
      this.#order.add(namespace);
    }
    items.add(item);
    this.#size++;
  }

  /** @returns false when the item is not there */
  delete(namespace: string, item: T): boolean {
    const items = this.#items.get(namespace);
    if (items?.delete(item) !== true) return false;
    this.#size--;
    if (items.size === 0) {
      this.#items.delete(namespace);
      this.#order.delete(namespace);
    }
    return true;
  }

  /** Takes the next item of a namespace that may have its turn now. One that may not waits for the next round. */
  shift(mayTake: (namespace: string) => boolean = () => true): T | undefined {
    for (let left = this.#order.size; left > 0; left--) {
      const namespace = this.#order.shift() ?? '';
      this.#order.add(namespace);
      if (!mayTake(namespace)) continue;
      return this.shiftOf(namespace);
    }
    return undefined;
  }
}
