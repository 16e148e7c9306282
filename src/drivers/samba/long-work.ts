import { setTimeout as wait } from 'node:timers/promises';
import type { CallContext } from '../driver.ts';
import { InProgress } from '../errors.ts';
import { tokenOf } from './identifiers.ts';
import { abortedError } from './transport-errors.ts';

/** How long one call waits for work that takes longer, in milliseconds: well below the time that a call has. */
const sliceMs = 10_000;
/** How soon the operator asks again, in seconds; then it is waited for again. */
const pollAfter = 0.5;

interface Work<Result> {
  readonly operationID: string;
  readonly result: Promise<Result>;
  readonly abort: AbortController;
}

/**
 * Lets work on a host outlast the call that began it: the next call of the operation takes it up where this process has it, else
 * begins it again, which the program on the host makes harmless.
 */
export class LongWork<Result> {
  readonly #works = new Map<string, Work<Result>>();
  readonly #sliceMs: number;

  constructor(slice: number = sliceMs) {
    this.#sliceMs = slice;
  }

  /**
   * @param key what the work is done on; two operations never work on it at once
   * @param hostName where it is done
   * @throws InProgress while the work goes on
   */
  async run(
    key: string,
    hostName: string,
    { operation, signal }: Pick<CallContext, 'operation' | 'signal'>,
    begin: (signal: AbortSignal) => Promise<Result>,
  ): Promise<Result> {
    const work = this.#take(key, operation.id, begin);
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
      throw signal.aborted ? abortedError(signal, hostName) : error;
    } finally {
      over.abort();
      slice.catch(() => {});
    }
    throw new InProgress({ token: tokenOf(hostName), pollAfter });
  }

  #take(key: string, operationID: string, begin: (signal: AbortSignal) => Promise<Result>): Work<Result> {
    const present = this.#works.get(key);
    if (present?.operationID === operationID) return present;
    present?.abort.abort();
    const abort = new AbortController();
    const work = { operationID, result: begin(abort.signal), abort };
    // While no call waits for it, its failure is kept for the next one.
    work.result.catch(() => {});
    this.#works.set(key, work);
    return work;
  }

  #drop(key: string, work: Work<Result>): void {
    if (this.#works.get(key) === work) this.#works.delete(key);
  }
}
