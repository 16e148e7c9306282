import type { CallContext, Driver } from '../../drivers/driver.ts';
import type { CallRunner } from './call-runner.ts';
import type { CallOptions, CallScope } from './call-scope.ts';
import type { DriverSlot } from './driver-instances.ts';

/** What {@link DriverCalls.acquire} has acquired for a lease. */
export interface Acquired {
  readonly releaseNetwork: () => void;
  readonly releaseLocks: () => void;
  /** The slot of the first call. */
  readonly firstSlot: DriverSlot;
  /** Waits for the slot of a further call. */
  readonly acquireSlot: () => Promise<DriverSlot>;
}

/** The right to make driver calls within one scope: its locks, and a slot of the backend for each call. */
export class CallLease {
  readonly #runner: CallRunner;
  readonly #scope: CallScope;
  readonly #acquired: Acquired;
  #unusedSlot: DriverSlot | undefined;
  #running = 0;
  #released = false;

  constructor(runner: CallRunner, scope: CallScope, acquired: Acquired) {
    this.#runner = runner;
    this.#scope = scope;
    this.#acquired = acquired;
    this.#unusedSlot = acquired.firstSlot;
  }

  /**
   * Makes a call. Its failures are always a DriverError (a timeout is `Unavailable`) or InProgress, which asks to be polled after
   * 0.1 to 300 s.
   */
  async call<R>(options: CallOptions, invoke: (driver: Driver, context: CallContext) => Promise<R>): Promise<R> {
    this.#running += 1;
    let slot: DriverSlot | undefined;
    const settled = (): void => {
      this.#running -= 1;
      // The slot is released at once: the writes that follow a call must not delay other calls.
      slot?.release();
      this.#releaseWhenIdle();
    };
    try {
      slot = this.#unusedSlot;
      this.#unusedSlot = undefined;
      slot ??= await this.#acquired.acquireSlot();
      this.#runner.circuits.check(this.#scope.backendName);
    } catch (error) {
      settled();
      throw error;
    }
    const { driver } = slot;
    const secrets = [...slot.secrets, ...(this.#scope.server?.secrets ?? []), ...(options.secrets ?? [])];
    return await this.#runner.run(this.#scope, { ...options, secrets }, (context) => invoke(driver, context), settled);
  }

  /** Ends the lease. What a call that ignores its abort still holds is released when that call settles. */
  release(): void {
    if (this.#released) return;
    this.#released = true;
    // A late call keeps its server or share locked, but not the whole network.
    this.#acquired.releaseNetwork();
    this.#releaseWhenIdle();
  }

  #releaseWhenIdle(): void {
    if (!this.#released || this.#running > 0) return;
    this.#unusedSlot?.release();
    this.#unusedSlot = undefined;
    this.#acquired.releaseLocks();
  }
}

/** What makes calls within a lease that its owner releases. */
export type DriverCaller = Pick<CallLease, 'call'>;
