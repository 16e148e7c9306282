import type { AccessUpdate, OperationContext } from '../driver.ts';
import { InProgress } from '../errors.ts';
import type { Grant } from './access-plan.ts';

/** How long one call works on a batch, in milliseconds: well below the time that a call has. */
const sliceMs = 5_000;
/** After which somebody may have changed in Ceph what a batch did, in milliseconds. */
const memoryMs = 60_000;

/** What of a batch of rules is done. */
export class BatchProgress {
  readonly #denied = new Set<string>();
  /** By rule id. */
  readonly #granted = new Map<string, { readonly grant: Grant; readonly update: AccessUpdate }>();

  /** How much is done. */
  get size(): number {
    return this.#denied.size + this.#granted.size;
  }

  isDenied(authID: string): boolean {
    return this.#denied.has(authID);
  }

  noteDenied(authID: string): void {
    this.#denied.add(authID);
    for (const [ruleID, { grant }] of this.#granted) if (grant.authID === authID) this.#granted.delete(ruleID);
  }

  /** What became of a grant; undefined where it was not made, or to another id or at another level. */
  updateOf({ ruleID, authID, level }: Grant): AccessUpdate | undefined {
    const known = this.#granted.get(ruleID);
    return known?.grant.authID === authID && known.grant.level === level ? known.update : undefined;
  }

  noteGranted(grant: Grant, update: AccessUpdate): void {
    this.#denied.delete(grant.authID);
    this.#granted.set(grant.ruleID, { grant, update });
  }
}

/** A batch, as the operator asks for it. */
export interface Batch {
  readonly shareID: string;
  readonly operation: OperationContext;
  /** Whether everything is to be looked at, whatever a batch before has done. */
  readonly isRecovery: boolean;
}

interface Unfinished {
  readonly batch: Batch;
  readonly progress: BatchProgress;
  readonly stoppedAt: number;
}

/**
 * Lets a batch that takes longer than a call go on where the call before left off, also when rules have come to it or left it
 * meanwhile: it would never end where that happens again and again. It is kept in memory only: after a restart a batch begins
 * anew, which changes nothing that is done already.
 */
export class AccessProgress {
  readonly #now: () => number;
  readonly #unfinished = new Map<string, Unfinished>();

  /** @param now milliseconds, of any origin */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /**
   * Works on a share's batch.
   * @param work is given what is done, adds to it, and asks before each step whether time is up
   * @throws InProgress when the work has stopped for that
   */
  async work(
    batch: Batch,
    work: (progress: BatchProgress, isTimeUp: () => boolean) => Promise<'done' | 'more'>,
  ): Promise<void> {
    const { shareID } = batch;
    const known = this.#unfinished.get(shareID);
    // A call that fails may have undone what the batch did.
    this.#unfinished.delete(shareID);
    const progress = known !== undefined && this.#goesOn(known, batch) ? known.progress : new BatchProgress();
    const end = this.#now() + sliceMs;
    if ((await work(progress, () => this.#now() >= end)) === 'done') return;
    this.#unfinished.set(shareID, { batch, progress, stoppedAt: this.#now() });
    throw new InProgress({ token: `rules-${progress.size}`, pollAfter: 0.1 });
  }

  #goesOn({ batch: { operation, isRecovery }, stoppedAt }: Unfinished, next: Batch): boolean {
    if (this.#now() - stoppedAt > memoryMs) return false;
    if (operation.id === next.operation.id) return next.operation.token !== undefined;
    return !isRecovery && !next.isRecovery;
  }
}
