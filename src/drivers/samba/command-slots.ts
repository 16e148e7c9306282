/** Lets so many commands run at a time; the others wait in the order they came, until their signal aborts. */
export class CommandSlots {
  readonly #waiting: PromiseWithResolvers<void>[] = [];
  #free: number;

  constructor(size: number) {
    this.#free = size;
  }

  /** @throws the signal's reason when it aborts before the turn of the command has come */
  async run<Result>(signal: AbortSignal, command: () => Promise<Result>): Promise<Result> {
    signal.throwIfAborted();
    if (this.#free > 0) this.#free -= 1;
    else await this.#turn(signal);
    try {
      return await command();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free += 1;
      else next.resolve();
    }
  }

  async #turn(signal: AbortSignal): Promise<void> {
    const turn = Promise.withResolvers<void>();
    const leave = (): void => {
      const index = this.#waiting.indexOf(turn);
      // Its turn may have come in the same moment: then it has the slot, and gives it back.
      if (index < 0) return;
      this.#waiting.splice(index, 1);
      turn.reject(signal.reason);
    };
    this.#waiting.push(turn);
    signal.addEventListener('abort', leave, { once: true });
    try {
      await turn.promise;
    } finally {
      signal.removeEventListener('abort', leave);
    }
  }
}
