import { unlessAborted } from './abort.ts';

/** Runs work that has the same key one at a time, in the order of the calls; work with other keys does not wait. */
export class KeyedMutex {
  /** By key, what the next caller waits for. */
  readonly #tails = new Map<string, Promise<void>>();

  /** @throws the signal's reason when it aborts before the work has begun */
  async run<Result>(key: string, signal: AbortSignal, work: () => Promise<Result>): Promise<Result> {
    signal.throwIfAborted();
    const before = this.#tails.get(key) ?? Promise.resolve();
    const { promise: done, resolve: release } = Promise.withResolvers<void>();
    // A caller that gives up must not let the next one start before those ahead of it have ended.
    const tail = before.then(() => done);
    this.#tails.set(key, tail);
    void tail.then(() => {
      if (this.#tails.get(key) === tail) this.#tails.delete(key);
    });
    try {
      await unlessAborted(before, signal);
      return await work();
    } finally {
      release();
    }
  }
}
