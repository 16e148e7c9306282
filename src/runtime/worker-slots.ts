/** A number of slots, of which each holder has one. Those who come back are served before those who come new. */
export class WorkerSlots {
  #free: number;
  readonly #returning: (() => void)[] = [];
  readonly #arriving: (() => void)[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  acquire(who: 'arriving' | 'returning'): Promise<void> {
    if (this.#free > 0) {
      this.#free--;
      return Promise.resolve();
    }
    return new Promise((resolve) => (who === 'returning' ? this.#returning : this.#arriving).push(resolve));
  }

  release(): void {
    const next = this.#returning.shift() ?? this.#arriving.shift();
    if (next) next();
    else this.#free++;
  }
}
