import { Turns } from './turns.ts';

/** Those who are urgent come before the others. */
export type SlotPriority = 'urgent' | 'normal';

interface Waiter {
  readonly namespace: string;
  readonly grant: (release: () => void) => void;
}

/** After so many urgent ones in a row another one has its turn: one tenant's must not stop what others do. */
const urgentInRow = 4;

/**
 * A bounded number of places, given out round-robin over namespaces, the urgent first. Of several places one namespace never
 * holds all: when what it does takes long, the others still have one.
 */
export class FairSlots {
  #limit: number;
  #taken = 0;
  #urgent = 0;
  /** Places by the namespace that holds them. */
  readonly #held = new Map<string, number>();
  readonly #waiting: Record<SlotPriority, Turns<Waiter>> = { urgent: new Turns(), normal: new Turns() };
  readonly #onFree: () => void;

  /** @param onFree is called when a place was given back, after those who wait for one were served */
  constructor(limit: number, onFree: () => void = () => undefined) {
    this.#limit = limit;
    this.#onFree = onFree;
  }

  /** Changes the number of places; who has one keeps it. */
  resize(limit: number): void {
    this.#limit = limit;
    this.#admit();
  }

  /** Whether there is a place now. */
  get hasPlace(): boolean {
    return this.#taken < this.#limit;
  }

  /** Whether the namespace can have a place now. */
  hasPlaceFor(namespace: string): boolean {
    return this.hasPlace && this.#mayHoldMore(namespace);
  }

  /**
   * Waits for a place.
   * @returns the function that gives it back
   * @throws the signal's reason when it aborts while waiting
   */
  acquire(namespace: string, priority: SlotPriority = 'normal', signal?: AbortSignal): Promise<() => void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      const waiting = this.#waiting[priority];
      const abandon = (): void => {
        waiting.delete(namespace, waiter);
        reject(signal?.reason);
      };
      const waiter: Waiter = {
        namespace,
        grant: (release) => {
          signal?.removeEventListener('abort', abandon);
          resolve(release);
        },
      };
      waiting.add(namespace, waiter);
      signal?.addEventListener('abort', abandon, { once: true });
      this.#admit();
    });
  }

  /** Takes a place that {@link hasPlaceFor} told of, without waiting; returns the function that gives it back. */
  take(namespace: string): () => void {
    this.#count(namespace, 1);
    let given = false;
    return () => {
      if (given) return;
      given = true;
      this.#count(namespace, -1);
      this.#admit();
      this.#onFree();
    };
  }

  #admit(): void {
    while (this.hasPlace) {
      const next = this.#next();
      if (next === undefined) return;
      next.grant(this.take(next.namespace));
    }
  }

  #count(namespace: string, change: 1 | -1): void {
    this.#taken += change;
    const held = (this.#held.get(namespace) ?? 0) + change;
    if (held === 0) this.#held.delete(namespace);
    else this.#held.set(namespace, held);
  }

  #mayHoldMore(namespace: string): boolean {
    return (this.#held.get(namespace) ?? 0) < Math.max(1, this.#limit - 1);
  }

  #next(): Waiter | undefined {
    const urgent = this.#urgent < urgentInRow ? this.#shift('urgent') : undefined;
    this.#urgent = urgent === undefined ? 0 : this.#urgent + 1;
    return urgent ?? this.#shift('normal') ?? this.#shift('urgent');
  }

  #shift(priority: SlotPriority): Waiter | undefined {
    return this.#waiting[priority].shift((namespace) => this.#mayHoldMore(namespace));
  }
}
