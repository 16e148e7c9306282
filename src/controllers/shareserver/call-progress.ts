import type { ShareServer } from '../../api/v1alpha1/share-server.ts';
import type { DriverError, InProgress } from '../../drivers/errors.ts';
import { backOffDelay } from '../../runtime/back-off.ts';
import type { Clock } from '../../runtime/clock.ts';
import { uidOf } from '../../runtime/kube-object.ts';

const firstPauseMs = 200;
const longestPauseMs = 30_000;

interface Progress {
  /** When the driver was first called; undefined while it never was. */
  began: number | undefined;
  failures: number;
  /** Not to be called again before. */
  notBefore: number;
  lastAnswer: DriverError | InProgress | undefined;
}

/**
 * What this process knows of driver operations that have not ended: since when they are tried, and when they are tried again. The pause
 * after a failure also holds when something else brings the server back into the queue: an object that changes often must not cause a
 * stream of calls.
 */
export class CallProgress {
  readonly #operations = new Map<string, Progress>();
  readonly #clock: Clock;
  readonly #random: () => number;

  constructor(options: { readonly clock: Clock; readonly random: () => number }) {
    this.#clock = options.clock;
    this.#random = options.random;
  }

  /** Notes that the driver is called now. */
  begin(operation: string): void {
    this.#of(operation).began ??= this.#clock.now();
  }

  /** Milliseconds until `limitMs` have passed since the first call, not below 0; infinite before the first call. */
  leftMs(operation: string, limitMs: number): number {
    const { began } = this.#operations.get(operation) ?? {};
    return began === undefined ? Number.POSITIVE_INFINITY : Math.max(0, began + limitMs - this.#clock.now());
  }

  /** Milliseconds to rest before the next call. */
  restMs(operation: string): number {
    const { notBefore = 0 } = this.#operations.get(operation) ?? {};
    return Math.max(0, notBefore - this.#clock.now());
  }

  /** What the driver said last, as far as it was noted. */
  lastAnswer(operation: string): DriverError | InProgress | undefined {
    return this.#operations.get(operation)?.lastAnswer;
  }

  /** Notes what the driver said, for when there is no time to ask again. */
  answered(operation: string, answer: DriverError | InProgress): void {
    this.#of(operation).lastAnswer = answer;
  }

  /**
   * Notes a failure that is to be tried again, also one before the driver could be called.
   * @param retryAfterMs what the driver asks for
   * @param withinMs the pause is no longer than this
   * @returns milliseconds to rest
   */
  failed(operation: string, retryAfterMs: number | undefined, withinMs: number): number {
    const progress = this.#of(operation);
    const options = { baseMs: firstPauseMs, maxMs: longestPauseMs, random: this.#random };
    const pauseMs = Math.max(retryAfterMs ?? 0, backOffDelay(progress.failures, options));
    progress.failures += 1;
    return this.#rest(progress, Math.min(pauseMs, withinMs));
  }

  /** Notes that the storage system is still working and is asked again after a pause. @returns milliseconds to rest */
  polled(operation: string, pollAfterMs: number, withinMs: number): number {
    const progress = this.#of(operation);
    progress.failures = 0;
    return this.#rest(progress, Math.min(pollAfterMs, withinMs));
  }

  /** Forgets an operation that has ended. */
  ended(operation: string): void {
    this.#operations.delete(operation);
  }

  /** Forgets the operations of a server that is gone. */
  forget(serverUID: string): void {
    for (const operation of this.#operations.keys()) {
      if (operation.endsWith(`/${serverUID}`)) this.#operations.delete(operation);
    }
  }

  #of(operation: string): Progress {
    const present = this.#operations.get(operation);
    if (present !== undefined) return present;
    const made: Progress = { began: undefined, failures: 0, notBefore: 0, lastAnswer: undefined };
    this.#operations.set(operation, made);
    return made;
  }

  #rest(progress: Progress, pauseMs: number): number {
    const restMs = Math.max(1, Number.isFinite(pauseMs) ? pauseMs : firstPauseMs);
    progress.notBefore = this.#clock.now() + restMs;
    return restMs;
  }
}

/** Names a server's part of a change. */
export function callKey(changeID: string, server: ShareServer): string {
  return `${changeID}/${uidOf(server)}`;
}
