/** What a call does for its tenant: taking access away comes before everything else. */
export type SlotPriority = 'denial' | 'normal';

interface Waiter {
  readonly namespace: string;
  readonly grant: () => void;
}

/** After so many denials in a row something else has its turn: one tenant's denials must not stop what others do. */
const denialsInRow = 4;

/**
 * A bounded number of places, given out round-robin over namespaces, denials first. Of several places one namespace never
 * holds all: when its calls hang, the others still have one.
 */
export class Slots {
  #limit: number;
  #taken = 0;
  #denials = 0;
  /** Places by the namespace that holds them. */
  readonly #held = new Map<string, number>();
  readonly #waiting: Record<SlotPriority, Map<string, Waiter[]>> = { denial: new Map(), normal: new Map() };

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Changes the number of places; running calls keep theirs. */
  resize(limit: number): void {
    this.#limit = limit;
    this.#admit();
  }

  /**
   * Waits for a place.
   * @returns the function that gives it back
   * @throws the signal's reason when it aborts while waiting
   */
  acquire(namespace: string, priority: SlotPriority, signal: AbortSignal): Promise<() => void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(signal.reason);
        return;
      }
      const queues = this.#waiting[priority];
      const abandon = (): void => {
        const queue = queues.get(namespace) ?? [];
        const index = queue.indexOf(waiter);
        if (index >= 0) queue.splice(index, 1);
        if (queue.length === 0) queues.delete(namespace);
        reject(signal.reason);
      };
      const waiter: Waiter = {
        namespace,
        grant: () => {
          signal.removeEventListener('abort', abandon);
          let given = false;
          resolve(() => {
            if (given) return;
            given = true;
            this.#count(namespace, -1);
            this.#admit();
          });
        },
      };
      const queue = queues.get(namespace);
      if (queue === undefined) queues.set(namespace, [waiter]);
      else queue.push(waiter);
      signal.addEventListener('abort', abandon, { once: true });
      this.#admit();
    });
  }

  #admit(): void {
    while (this.#taken < this.#limit) {
      const next = this.#next();
      if (next === undefined) return;
      this.#count(next.namespace, 1);
      next.grant();
    }
  }

  #count(namespace: string, change: 1 | -1): void {
    this.#taken += change;
    const held = (this.#held.get(namespace) ?? 0) + change;
    if (held === 0) this.#held.delete(namespace);
    else this.#held.set(namespace, held);
  }

  #next(): Waiter | undefined {
    const denial = this.#denials < denialsInRow ? this.#take('denial') : undefined;
    this.#denials = denial === undefined ? 0 : this.#denials + 1;
    return denial ?? this.#take('normal') ?? this.#take('denial');
  }

  /** Takes from the namespace that waits longest since its last turn: served namespaces go to the end of the map. */
  #take(priority: SlotPriority): Waiter | undefined {
    const queues = this.#waiting[priority];
    const most = Math.max(1, this.#limit - 1);
    for (const [namespace, queue] of queues) {
      if ((this.#held.get(namespace) ?? 0) >= most) continue;
      const waiter = queue.shift();
      queues.delete(namespace);
      if (queue.length > 0) queues.set(namespace, queue);
      if (waiter !== undefined) return waiter;
    }
    return undefined;
  }
}
