import type { AccessUpdate, OperationContext } from '../driver.ts';
import { InProgress } from '../errors.ts';

/** How long one call works on a batch, in milliseconds: well below the time that a call has. */
const sliceMs = 5_000;

/** What of a batch of rules is done. */
export interface BatchProgress {
  /** Denied cephx ids. */
  readonly denied: Set<string>;
  /** By rule id. */
  readonly updates: Map<string, AccessUpdate>;
}

/**
 * Lets a batch that takes longer than a call go on where the call before left off. It is kept in memory only: after a restart a
 * batch begins anew, which changes nothing that is done already.
 */
export class AccessProgress {
  readonly #now: () => number;
  readonly #batches = new Map<string, { readonly operationID: string; readonly progress: BatchProgress }>();

  /** @param now milliseconds, of any origin */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /**
   * Works on a share's batch.
   * @param work is given what is done, adds to it, and asks after each step whether time is up
   * @throws InProgress when the work has stopped for that
   */
  async work(
    shareID: string,
    { id: operationID, token }: OperationContext,
    work: (progress: BatchProgress, isTimeUp: () => boolean) => Promise<'done' | 'more'>,
  ): Promise<BatchProgress> {
    const known = this.#batches.get(shareID);
    // Whatever happened to the share in between may have undone what the batch did.
    this.#batches.delete(shareID);
    const goesOn = token !== undefined && known?.operationID === operationID;
    const progress = goesOn ? known.progress : { denied: new Set<string>(), updates: new Map<string, AccessUpdate>() };
    const end = this.#now() + sliceMs;
    const state = await work(progress, () => this.#now() >= end);
    if (state === 'done') return progress;
    this.#batches.set(shareID, { operationID, progress });
    throw new InProgress({ token: `rules-${progress.denied.size + progress.updates.size}`, pollAfter: 0.1 });
  }
}
