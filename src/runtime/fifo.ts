/** Items first in, first out, each once. To add, take and remove one costs the same however many there are. */
export class Fifo<T extends string | object> {
  readonly #items = new Set<T>();
  // A Set keeps the places of removed items for a while, and a new iterator walks over all of them: one is kept as long as it goes.
  #rest = this.#items.values();
  #first: T | undefined;

  get size(): number {
    return this.#items.size;
  }

  add(item: T): void {
    this.#items.add(item);
  }

  /** @returns false when the item is not there */
  delete(item: T): boolean {
    if (item === this.#first) this.#first = undefined;
    return this.#items.delete(item);
  }

  /** The item that is next, which stays. */
  peek(): T | undefined {
    if (this.#first !== undefined || this.#items.size === 0) return this.#first;
    let next = this.#rest.next();
    if (next.done === true) {
      this.#rest = this.#items.values();
      next = this.#rest.next();
    }
    this.#first = next.value;
    return this.#first;
  }

  shift(): T | undefined {
    const item = this.peek();
    if (item !== undefined) this.delete(item);
    return item;
  }
}
