import { DriverError } from '../../drivers/errors.ts';
import type { Clock } from '../../runtime/clock.ts';

/** How long denials and deletions come before everything else once a storage system answers again, in milliseconds. */
const headStartMs = 500;

/** When who met a circuit that has just opened looks again, in milliseconds: by then the backend says so. */
export const suspendedPauseMs = 1000;

/** No call was made: the storage system of the backend does not answer. */
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
 * A circuit breaker for each backend. A failed call opens none: it may be the directory or the server of one tenant that does not answer.
 * It asks for a probe at once, and that decides: a probe that fails opens, one that succeeds closes.
 */
export class BackendCircuits {
  readonly #clock: Clock;
  readonly #open = new Map<string, CallsSuspended>();
  /** By backend: aborted when its circuit opens. */
  readonly #waits = new Map<string, AbortController>();
  /** By backend: until when calls that take nothing away wait for those that do. */
  readonly #headStarts = new Map<string, number>();
  #onSuspicion: (backendName: string) => void = () => undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Who probes a backend at once. */
  onSuspicion(probe: (backendName: string) => void): void {
    this.#onSuspicion = probe;
  }

  /** A call failed in a way that an outage of the backend would explain. */
  suspect(backendName: string): void {
    if (!this.#open.has(backendName)) this.#onSuspicion(backendName);
  }

  /** The backend does not answer: calls that wait fail, others are not made. */
  open(backendName: string): void {
    if (this.#open.has(backendName)) return;
    const error = new CallsSuspended(backendName);
    this.#open.set(backendName, error);
    this.#waits.get(backendName)?.abort(error);
    this.#waits.delete(backendName);
  }

  /** The backend answers, or is not asked. */
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

  /** Lets what is taken away go first when the storage system answers again. */
  async afterHeadStart(backendName: string, signal: AbortSignal): Promise<void> {
    const leftMs = (this.#headStarts.get(backendName) ?? 0) - this.#clock.now();
    if (leftMs > 0) await this.#clock.sleep(leftMs, signal);
    else this.#headStarts.delete(backendName);
  }
}
