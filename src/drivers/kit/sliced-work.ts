import type { OperationContext } from '../driver.ts';
import { InProgress } from '../errors.ts';

/** How long one call works on a batch, in milliseconds: well below the time that a call has. */
const sliceMs = 5_000;
/** After this time someone may have changed on the storage system what the batch did, in milliseconds. */
const memoryMs = 60_000;

/** A batch, as the operator asks for it. */
export interface Batch {
  /** What it is about, for example the id of a share. */
  readonly key: string;
  readonly operation: OperationContext;
  /** Whether everything is checked again, whatever an earlier batch has done. */
  readonly isRecovery: boolean;
}

interface Unfinished<Progress> {
  readonly batch: Batch;
  readonly progress: Progress;
  readonly stoppedAt: number;
}

/**
 * Lets a batch that takes longer than a call continue where the last call stopped, even if its items have changed meanwhile: if they
 * change again and again, it would otherwise never end. Progress is kept in memory only: after a restart a batch begins again,
 * so each step must be idempotent.
 */
export class SlicedWork<Progress extends { readonly size: number }> {
  readonly #begin: () => Progress;
  readonly #now: () => number;
  readonly #unfinished = new Map<string, Unfinished<Progress>>();

  /**
   * @param begin the progress of a batch of which nothing is done
   * @param now milliseconds, of any origin
   */
  constructor(begin: () => Progress, now: () => number = () => performance.now()) {
    this.#begin = begin;
    this.#now = now;
  }

  /**
   * @param work gets what is done, adds to it, and asks before each step whether time is up
   * @throws InProgress when the work stopped because time was up
   */
  async run(
    batch: Batch,
    work: (progress: Progress, isTimeUp: () => boolean) => Promise<'done' | 'more'>,
  ): Promise<void> {
    const { key } = batch;
    const known = this.#unfinished.get(key);
    // A call that fails may have undone what the batch did.
    this.#unfinished.delete(key);
    const progress = known !== undefined && this.#continues(known, batch) ? known.progress : this.#begin();
    const end = this.#now() + sliceMs;
    if ((await work(progress, () => this.#now() >= end)) === 'done') return;
    this.#unfinished.set(key, { batch, progress, stoppedAt: this.#now() });
    throw new InProgress({ token: `done-${progress.size}`, pollAfter: 0.1 });
  }

  #continues({ batch: { operation, isRecovery }, stoppedAt }: Unfinished<Progress>, next: Batch): boolean {
    if (this.#now() - stoppedAt > memoryMs) return false;
    if (operation.id === next.operation.id) return next.operation.token !== undefined;
    return !isRecovery && !next.isRecovery;
  }
}
