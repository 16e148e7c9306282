import type { Driver } from '../../drivers/driver.ts';
import { DriverError } from '../../drivers/errors.ts';
import type { Clock } from '../../runtime/clock.ts';
import { FairSlots } from '../../runtime/fair-slots.ts';

/** Priority of a call: denials and deletions come first. */
export type CallPriority = 'denial' | 'normal';

interface Instance {
  driver: Driver | undefined;
  secrets: readonly string[];
  readonly slots: FairSlots;
  /** Slots taken for the present driver. */
  taken: number;
  /** Settles when a replacement is finished; new taken wait for it. */
  replacing: Promise<void> | undefined;
  drained: (() => void) | undefined;
}

/** A slot of a backend, taken until it is released, and the driver to use in it. */
export interface DriverSlot {
  readonly driver: Driver;
  /** Texts that the driver got and that must not appear in an error. */
  readonly secrets: readonly string[];
  release(): void;
}

/** The driver of each StorageBackend. A driver is replaced only when no call of it runs. */
export class DriverInstances {
  readonly #instances = new Map<string, Instance>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether the backend has a driver. */
  has(backendName: string): boolean {
    return this.#instances.get(backendName)?.driver !== undefined;
  }

  /** Sets how many calls of the backend may run at once. */
  limit(backendName: string, maxConcurrentOperations: number): void {
    this.#instance(backendName, maxConcurrentOperations).slots.resize(maxConcurrentOperations);
  }

  /**
   * Replaces the present driver, which is closed when its calls have ended, after `drainMs` at the latest: a stuck driver can be
   * replaced.
   * @param secrets texts among the driver's credentials that must not appear in an error
   */
  async replace(
    backendName: string,
    driver: Driver | undefined,
    drainMs: number,
    secrets: readonly string[] = [],
  ): Promise<void> {
    let instance = this.#instance(backendName);
    // One replacement after another: each closes the driver that it replaces.
    while (instance.replacing !== undefined) {
      await instance.replacing;
      instance = this.#instance(backendName);
    }
    const old = instance.driver;
    if (old !== undefined && instance.taken > 0) {
      instance.replacing = this.#drained(instance, drainMs);
      await instance.replacing;
      instance.replacing = undefined;
    }
    instance.driver = driver;
    instance.secrets = secrets;
    instance.taken = 0;
    if (driver === undefined) this.#instances.delete(backendName);
    await old?.close();
  }

  /**
   * Waits for a free slot of the backend.
   * @throws DriverError `Unavailable` where the backend has no driver
   */
  async acquire(
    backendName: string,
    namespace: string,
    priority: CallPriority,
    signal: AbortSignal,
  ): Promise<DriverSlot> {
    const instance = this.#instances.get(backendName);
    if (instance?.driver === undefined) throw noDriver(backendName);
    const releaseSlot = await instance.slots.acquire(namespace, priority === 'denial' ? 'urgent' : 'normal', signal);
    // Another replacement may have begun during the wait.
    while (instance.replacing !== undefined) await instance.replacing;
    const { driver, secrets } = instance;
    if (driver === undefined) {
      releaseSlot();
      throw noDriver(backendName);
    }
    instance.taken += 1;
    return {
      driver,
      secrets,
      release: () => {
        releaseSlot();
        if (instance.driver !== driver) return;
        instance.taken -= 1;
        if (instance.taken === 0) instance.drained?.();
      },
    };
  }

  /** Closes every driver. */
  async close(): Promise<void> {
    const drivers = [...this.#instances.values()].map((instance) => instance.driver);
    this.#instances.clear();
    await Promise.allSettled(drivers.map((driver) => driver?.close()));
  }

  /** Resolves when the last slot is released, or after `drainMs`. */
  #drained(instance: Instance, drainMs: number): Promise<void> {
    return new Promise((resolve) => {
      const finish = (): void => {
        this.#clock.clearTimeout(timer);
        instance.drained = undefined;
        resolve();
      };
      const timer = this.#clock.setTimeout(finish, drainMs);
      instance.drained = finish;
    });
  }

  #instance(backendName: string, limit = 8): Instance {
    const present = this.#instances.get(backendName);
    if (present !== undefined) return present;
    const made: Instance = {
      driver: undefined,
      secrets: [],
      slots: new FairSlots(limit),
      taken: 0,
      replacing: undefined,
      drained: undefined,
    };
    this.#instances.set(backendName, made);
    return made;
  }
}

function noDriver(backendName: string): DriverError {
  return new DriverError({
    kind: 'Unavailable',
    reason: 'BackendUnavailable',
    message: `backend ${backendName} has no working driver; see its Ready condition`,
  });
}
