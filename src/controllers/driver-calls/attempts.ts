import type { Clock } from '../../runtime/clock.ts';

/** No operation is retried after a longer pause than this. */
const forgottenAfterMs = 3600_000;

interface Entry {
  readonly attempts: number;
  readonly lastUsed: number;
}

/** Counts the attempts of operations until they end. Operations that are no longer retried are forgotten after an hour. */
export class Attempts {
  readonly #clock: Clock;
  /** By operation id, the least recently used first. */
  readonly #entries = new Map<string, Entry>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The number of the attempt that begins now, from 1. */
  begin(id: string): number {
    this.#forgetOld();
    const attempts = (this.#entries.get(id)?.attempts ?? 0) + 1;
    this.#use(id, attempts);
    return attempts;
  }

  /** The attempt ended and the operation will be retried. */
  retry(id: string): void {
    this.#use(id, this.#entries.get(id)?.attempts ?? 1);
  }

  /** The operation ended. */
  end(id: string): void {
    this.#entries.delete(id);
  }

  /** Number of operations that are counted now. */
  get size(): number {
    return this.#entries.size;
  }

  #use(id: string, attempts: number): void {
    // Deleted first, so that the map stays in the order of last use.
    this.#entries.delete(id);
    this.#entries.set(id, { attempts, lastUsed: this.#clock.now() });
  }

  #forgetOld(): void {
    const oldest = this.#clock.now() - forgottenAfterMs;
    for (const [id, { lastUsed }] of this.#entries) {
      if (lastUsed >= oldest) return;
      this.#entries.delete(id);
    }
  }
}
