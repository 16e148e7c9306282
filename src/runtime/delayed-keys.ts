import type { Clock, TimerHandle } from './clock.ts';

interface Entry {
  readonly key: string;
  readonly at: number;
  /** Of two entries of one time the one that came first goes first. */
  readonly sequence: number;
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.at === b.at ? a.sequence < b.sequence : a.at < b.at;
}

/** Longest delay that timers take (2^31 - 1 ms). */
const maxTimerMs = 2_147_483_647;

/** Keys that become due at a time, each once: of two times the earlier counts. One timer for all of them. */
export class DelayedKeys {
  readonly #clock: Clock;
  readonly #due: (key: string) => void;
  readonly #entries = new Map<string, Entry>();
  /** A binary heap by time. It can hold entries that were replaced or removed: they are skipped when they come up. */
  #heap: Entry[] = [];
  #sequence = 0;
  #timer: TimerHandle | undefined;
  #timerAt = Number.POSITIVE_INFINITY;

  constructor(clock: Clock, due: (key: string) => void) {
    this.#clock = clock;
    this.#due = due;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** @returns false when the key is due earlier already. */
  add(key: string, delayMs: number): boolean {
    const entry = { key, at: this.#clock.now() + delayMs, sequence: this.#sequence++ };
    const present = this.#entries.get(key);
    if (present && present.at <= entry.at) return false;
    this.#entries.set(key, entry);
    this.#push(entry);
    this.#arm();
    return true;
  }

  delete(key: string): void {
    if (!this.#entries.delete(key)) return;
    // Replaced entries go when they come up; when they are most of the heap, at once.
    if (this.#heap.length > 64 && this.#heap.length > 4 * this.#entries.size) {
      this.#heap = [...this.#entries.values()].sort((a, b) => (isBefore(a, b) ? -1 : 1));
    }
  }

  clear(): void {
    this.#entries.clear();
    this.#heap = [];
    if (this.#timer) this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#timerAt = Number.POSITIVE_INFINITY;
  }

  #arm(): void {
    let first = this.#heap[0];
    while (first && this.#entries.get(first.key) !== first) {
      this.#pop();
      first = this.#heap[0];
    }
    if (first === undefined || first.at >= this.#timerAt) return;
    if (this.#timer) this.#clock.clearTimeout(this.#timer);
    this.#timerAt = first.at;
    const delayMs = Math.min(maxTimerMs, Math.max(0, Math.ceil(first.at - this.#clock.now())));
    this.#timer = this.#clock.setTimeout(() => this.#fire(), delayMs);
  }

  #fire(): void {
    this.#timer = undefined;
    this.#timerAt = Number.POSITIVE_INFINITY;
    const now = this.#clock.now();
    for (let first = this.#heap[0]; first && first.at <= now; first = this.#heap[0]) {
      this.#pop();
      if (this.#entries.get(first.key) !== first) continue;
      this.#entries.delete(first.key);
      this.#due(first.key);
    }
    this.#arm();
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let index = heap.length;
    heap.push(entry);
    while (index > 0) {
      const parentIndex = (index - 1) >> 1;
      const parent = heap[parentIndex];
      if (parent === undefined || isBefore(parent, entry)) break;
      heap[index] = parent;
      index = parentIndex;
    }
    heap[index] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let index = 0;
    for (;;) {
      let childIndex = 2 * index + 1;
      let child = heap[childIndex];
      const right = heap[childIndex + 1];
      if (child && right && isBefore(right, child)) {
        child = right;
        childIndex++;
      }
      if (child === undefined || isBefore(last, child)) break;
      heap[index] = child;
      index = childIndex;
    }
    heap[index] = last;
  }
}
