/** What a call does for its tenant: taking access away comes before everything else. */
export type SlotPriority = 'denial' | 'normal';

interface Waiter {
  readonly namespace: string;
  readonly grant: () => void;
}

/** A bounded number of places, given out round-robin over namespaces, denials first. */
export class Slots {
  #limit: number;
  #taken = 0;
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
            this.#taken -= 1;
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
      const next = this.#next('denial') ?? this.#next('normal');
      if (next === undefined) return;
      this.#taken += 1;
      next.grant();
    }
  }

  /** Takes from the namespace that waits longest since its last turn: served namespaces go to the end of the map. */
  #next(priority: SlotPriority): Waiter | undefined {
    const queues = this.#waiting[priority];
    for (const [namespace, queue] of queues) {
      const waiter = queue.shift();
      queues.delete(namespace);
      if (queue.length > 0) queues.set(namespace, queue);
      if (waiter !== undefined) return waiter;
    }
    return undefined;
  }
}
