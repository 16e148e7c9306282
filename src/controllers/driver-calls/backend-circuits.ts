import { DriverError } from '../../drivers/errors.ts';
import type { Clock } from '../../runtime/clock.ts';

/** How long only denials and deletions are made once a storage system answers again, in milliseconds. */
const headStartMs = 500;

/** Pause of a pass whose call was suspended, in milliseconds: by then the backend's status shows it. */
export const suspendedPauseMs = 1000;

/** No call was made, because the storage system does not answer. */
export class CallsSuspended extends DriverError {
  constructor(backendName: string) {
    super({
      kind: 'Unavailable',
      reason: 'BackendUnavailable',
      message: `backend ${backendName} does not answer; no driver call is made until it does`,
    });
  }
}

/**
 * A circuit breaker for each backend. A failed call does not open it: perhaps only one tenant's directory or server does not answer.
 * It causes a probe at once; a probe that fails opens the circuit, one that succeeds closes it.
 */
export class BackendCircuits {
  readonly #clock: Clock;
  readonly #open = new Map<string, CallsSuspended>();
  /** By backend: aborted when its circuit opens. */
  readonly #waits = new Map<string, AbortController>();
  /** By backend: until when only denials and deletions are made. */
  readonly #headStarts = new Map<string, number>();
  #onSuspicion: (backendName: string) => void = () => undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Sets the function that probes a backend at once. */
  onSuspicion(probe: (backendName: string) => void): void {
    this.#onSuspicion = probe;
  }

  /** A call failed as in an outage of the backend. */
  suspect(backendName: string): void {
    if (!this.#open.has(backendName)) this.#onSuspicion(backendName);
  }

  /** The backend does not answer: waiting calls fail, and no others are made. */
  open(backendName: string): void {
    if (this.#open.has(backendName)) return;
    const error = new CallsSuspended(backendName);
    this.#open.set(backendName, error);
    this.#waits.get(backendName)?.abort(error);
    this.#waits.delete(backendName);
  }

  /** The backend answers, or is not probed. */
  close(backendName: string): void {
    if (this.#open.delete(backendName)) this.#headStarts.set(backendName, this.#clock.now() + headStartMs);
  }

  /** The backend is gone. */
  forget(backendName: string): void {
    this.#open.delete(backendName);
    this.#waits.delete(backendName);
    this.#headStarts.delete(backendName);
  }

  isOpen(backendName: string): boolean {
    return this.#open.has(backendName);
  }

  /** @throws CallsSuspended while no call may be made */
  check(backendName: string): void {
    const error = this.#open.get(backendName);
    if (error !== undefined) throw error;
  }

  /** Aborts when the circuit opens. */
  whenOpened(backendName: string): AbortSignal {
    const wait = this.#waits.get(backendName) ?? new AbortController();
    this.#waits.set(backendName, wait);
    return wait.signal;
  }

  /** Waits while only denials and deletions are made. */
  async afterHeadStart(backendName: string, signal: AbortSignal): Promise<void> {
    const leftMs = (this.#headStarts.get(backendName) ?? 0) - this.#clock.now();
    if (leftMs > 0) await this.#clock.sleep(leftMs, signal);
    else this.#headStarts.delete(backendName);
  }
}
