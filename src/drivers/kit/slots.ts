/** Runs at most so many tasks at once; the others wait in the order they came, until their signal aborts. */
export class Slots {
  readonly #waiting: PromiseWithResolvers<void>[] = [];
  #free: number;

  constructor(size: number) {
    this.#free = size;
  }

  /** @throws the signal's reason when it aborts before the task has begun */
  async run<Result>(task: () => Promise<Result>, signal?: AbortSignal): Promise<Result> {
    signal?.throwIfAborted();
    if (this.#free > 0) this.#free -= 1;
    else await this.#turn(signal);
    try {
      return await task();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free += 1;
      else next.resolve();
    }
  }

  async #turn(signal: AbortSignal | undefined): Promise<void> {
    const turn = Promise.withResolvers<void>();
    const leave = (): void => {
      const index = this.#waiting.indexOf(turn);
      // If it received the slot in the same moment, it runs and returns the slot.
      if (index < 0) return;
      this.#waiting.splice(index, 1);
      turn.reject(signal?.reason);
    };
    this.#waiting.push(turn);
    signal?.addEventListener('abort', leave, { once: true });
    try {
      await turn.promise;
    } finally {
      signal?.removeEventListener('abort', leave);
    }
  }
}
