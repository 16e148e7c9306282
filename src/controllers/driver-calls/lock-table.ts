import { Fifo } from '../../runtime/fifo.ts';

/** A lock has many `shared` holders, or one `exclusive`. */
export type LockMode = 'shared' | 'exclusive';

/** One lock that a call needs. */
export interface LockRequest {
  readonly key: string;
  readonly mode: LockMode;
}

interface Waiter {
  readonly mode: LockMode;
  readonly grant: () => void;
}

interface Lock {
  shared: number;
  exclusive: boolean;
  readonly waiters: Fifo<Waiter>;
}

/**
 * Reader-writer locks by key, in order of arrival: shared requests wait behind an earlier exclusive one, so that a steady stream of
 * calls can't delay a change forever.
 */
export class LockTable {
  readonly #locks = new Map<string, Lock>();

  /**
   * Acquires all locks, in the order of their keys so that two callers can't wait for each other.
   * @returns the function that releases them
   * @throws the signal's reason when it aborts while waiting; nothing is held then
   */
  async acquire(requests: readonly LockRequest[], signal: AbortSignal): Promise<() => void> {
    const held: LockRequest[] = [];
    const release = (): void => {
      for (const request of held.splice(0)) this.#release(request);
    };
    try {
      for (const request of [...requests].sort((a, b) => (a.key < b.key ? -1 : 1))) {
        await this.#take(request, signal);
        held.push(request);
      }
    } catch (error) {
      release();
      throw error;
    }
    return release;
  }

  /** Whether the lock has a holder. */
  isHeld(key: string): boolean {
    const lock = this.#locks.get(key);
    return lock !== undefined && (lock.exclusive || lock.shared > 0);
  }

  #take({ key, mode }: LockRequest, signal: AbortSignal): Promise<void> | undefined {
    signal.throwIfAborted();
    let lock = this.#locks.get(key);
    if (lock === undefined) {
      lock = { shared: 0, exclusive: false, waiters: new Fifo() };
      this.#locks.set(key, lock);
    }
    const target = lock;
    if (target.waiters.size === 0 && isFree(target, mode)) {
      hold(target, mode);
      return undefined;
    }
    return new Promise((resolve, reject) => {
      const abandon = (): void => {
        target.waiters.delete(waiter);
        this.#admit(key, target);
        reject(signal.reason);
      };
      const waiter: Waiter = {
        mode,
        grant: () => {
          signal.removeEventListener('abort', abandon);
          resolve();
        },
      };
      target.waiters.add(waiter);
      signal.addEventListener('abort', abandon, { once: true });
    });
  }

  #release({ key, mode }: LockRequest): void {
    const lock = this.#locks.get(key);
    if (lock === undefined) return;
    if (mode === 'shared') lock.shared -= 1;
    else lock.exclusive = false;
    this.#admit(key, lock);
  }

  #admit(key: string, lock: Lock): void {
    for (let next = lock.waiters.peek(); next !== undefined && isFree(lock, next.mode); next = lock.waiters.peek()) {
      lock.waiters.shift();
      hold(lock, next.mode);
      next.grant();
    }
    if (lock.waiters.size === 0 && !lock.exclusive && lock.shared === 0) this.#locks.delete(key);
  }
}

function isFree(lock: Lock, mode: LockMode): boolean {
  return !lock.exclusive && (mode === 'shared' || lock.shared === 0);
}

function hold(lock: Lock, mode: LockMode): void {
  if (mode === 'shared') lock.shared += 1;
  else lock.exclusive = true;
}
