import { DriverError } from '../../drivers/errors.ts';
import type { Clock } from '../../runtime/clock.ts';

/** How long accepted credentials count as accepted, in milliseconds. */
const acceptedMs = 30_000;
/** How much longer than the driver says unfinished work keeps the turn, in milliseconds. */
const graceMs = 30_000;

interface Trial {
  /** The operation that tries them; undefined: none. */
  holder: string | undefined;
  /** When a holder that made no further call loses its turn. */
  heldUntil: number;
  acceptedUntil: number;
  readonly waiting: Set<() => void>;
}

/** How a call with credentials ended; `unknown` where it is not known whether the directory accepted them. */
export type TrialEnd = 'accepted' | 'unknown' | { readonly continuesInMs: number };

/**
 * Lets only one call at a time try credentials that no directory has accepted lately, so that a wrong password costs one refused
 * log-in, not one for each share server. Once they are accepted, calls run in parallel.
 */
export class CredentialTrials {
  readonly #clock: Clock;
  readonly #trials = new Map<string, Trial>();
  #forgottenAt = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Waits for the turn of a call.
   * @param holder the same for each call of one operation
   * @throws DriverError `Unavailable` when that takes longer than `waitMs`; the signal's reason when it aborts
   */
  async begin(credentials: readonly string[], holder: string, signal: AbortSignal, waitMs: number): Promise<void> {
    const deadline = this.#clock.now() + waitMs;
    for (;;) {
      signal.throwIfAborted();
      const taken = credentials.map((one) => this.#of(one)).find((trial) => this.#isTaken(trial, holder));
      if (taken === undefined) break;
      const leftMs = Math.min(deadline, taken.heldUntil) - this.#clock.now();
      if (this.#clock.now() >= deadline) {
        throw new DriverError({
          kind: 'Unavailable',
          reason: 'OperationRunning',
          message: 'another call is trying the same credentials; the operator retries when it has ended',
        });
      }
      await this.#change(taken, Math.max(1, leftMs), signal);
    }
    for (const one of credentials) {
      const trial = this.#of(one);
      if (trial.acceptedUntil > this.#clock.now()) continue;
      trial.holder = holder;
      trial.heldUntil = deadline + graceMs;
    }
  }

  /** Ends the turn of a call, or keeps it while its work is unfinished. */
  end(credentials: readonly string[], holder: string, how: TrialEnd): void {
    const now = this.#clock.now();
    for (const one of credentials) {
      const trial = this.#trials.get(one);
      if (trial === undefined) continue;
      if (how === 'accepted') trial.acceptedUntil = now + acceptedMs;
      if (trial.holder === holder) {
        if (typeof how === 'object') {
          trial.heldUntil = now + how.continuesInMs + graceMs;
          continue;
        }
        trial.holder = undefined;
      }
      for (const wake of trial.waiting) wake();
    }
    this.#forget(now);
  }

  #isTaken({ holder, heldUntil, acceptedUntil }: Trial, by: string): boolean {
    const now = this.#clock.now();
    return acceptedUntil <= now && holder !== undefined && holder !== by && heldUntil > now;
  }

  /** Resolves when the trial has changed, at the latest after `waitMs`. */
  async #change(trial: Trial, waitMs: number, signal: AbortSignal): Promise<void> {
    const { promise, resolve: settle } = Promise.withResolvers<void>();
    const resolve = (): void => settle();
    const timer = this.#clock.setTimeout(resolve, waitMs);
    trial.waiting.add(resolve);
    signal.addEventListener('abort', resolve, { once: true });
    try {
      await promise;
    } finally {
      this.#clock.clearTimeout(timer);
      trial.waiting.delete(resolve);
      signal.removeEventListener('abort', resolve);
    }
  }

  #of(credentials: string): Trial {
    const present = this.#trials.get(credentials);
    if (present !== undefined) return present;
    const made: Trial = { holder: undefined, heldUntil: 0, acceptedUntil: 0, waiting: new Set() };
    this.#trials.set(credentials, made);
    return made;
  }

  /** Only from time to time: the end of a call must not cost more with more tenants. */
  #forget(now: number): void {
    if (now < this.#forgottenAt + acceptedMs) return;
    this.#forgottenAt = now;
    for (const [credentials, { holder, acceptedUntil, waiting }] of this.#trials) {
      if (holder === undefined && acceptedUntil <= now && waiting.size === 0) this.#trials.delete(credentials);
    }
  }
}
