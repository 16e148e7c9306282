import { setTimeout as wait } from 'node:timers/promises';
import type { CallContext } from '../driver.ts';
import { InProgress } from '../errors.ts';
import { abortedError } from './abort.ts';

/** How long one call waits for work that takes longer, in milliseconds: well below the time that a call has. */
const sliceMs = 10_000;
/** How soon the operator calls again, in seconds; that call waits again. */
const pollAfter = 0.5;

interface Running<Result> {
  readonly operationID: string;
  readonly result: Promise<Result>;
  readonly abort: AbortController;
}

/** What a piece of work is done on. */
export interface WorkTarget {
  /** Two operations never work on the same key at once. */
  readonly key: string;
  /** Passed to later calls of the operation, for example the place where the work is done. */
  readonly token: string;
  /** Who works, for the message of a call that was aborted, such as `host a`. */
  readonly who: string;
}

/**
 * Lets work outlast the call that began it. The next call of the operation waits for it in this process; in another process it begins
 * the work again, so the storage system must accept that.
 */
export class LongWork<Result> {
  readonly #running = new Map<string, Running<Result>>();
  readonly #sliceMs: number;

  constructor(slice: number = sliceMs) {
    this.#sliceMs = slice;
  }

  /** @throws InProgress while the work continues */
  async run(
    { key, token, who }: WorkTarget,
    { operation, signal }: Pick<CallContext, 'operation' | 'signal'>,
    begin: (signal: AbortSignal) => Promise<Result>,
  ): Promise<Result> {
    const work = this.#join(key, operation.id, begin);
    const over = new AbortController();
    const slice = wait(this.#sliceMs, 'more' as const, { signal: AbortSignal.any([signal, over.signal]) });
    try {
      const first = await Promise.race([work.result.then((result) => ({ result })), slice]);
      if (first !== 'more') {
        this.#drop(key, work);
        return first.result;
      }
    } catch (error) {
      this.#drop(key, work);
      work.abort.abort(signal.reason);
      throw signal.aborted ? abortedError(signal, who) : error;
    } finally {
      over.abort();
      slice.catch(() => {});
    }
    throw new InProgress({ token, pollAfter });
  }

  #join(key: string, operationID: string, begin: (signal: AbortSignal) => Promise<Result>): Running<Result> {
    const present = this.#running.get(key);
    if (present?.operationID === operationID) return present;
    present?.abort.abort();
    const abort = new AbortController();
    const work = { operationID, result: begin(abort.signal), abort };
    // If it fails between two calls, the next call gets the failure.
    work.result.catch(() => {});
    this.#running.set(key, work);
    return work;
  }

  #drop(key: string, work: Running<Result>): void {
    if (this.#running.get(key) === work) this.#running.delete(key);
  }
}
