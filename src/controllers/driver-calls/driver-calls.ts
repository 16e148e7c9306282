import type { Finding } from '../../api/v1alpha1/finding.ts';
import { DriverError } from '../../drivers/errors.ts';
import type { Clock } from '../../runtime/clock.ts';
import { backendBusy, callRunning, changeBeginning } from '../status/findings.ts';
import type { BackendCircuits } from './backend-circuits.ts';
import { CallLease } from './call-lease.ts';
import { type CallEnvironment, CallRunner } from './call-runner.ts';
import type { CallScope } from './call-scope.ts';
import type { DriverCallMetrics } from './driver-call-metrics.ts';
import type { DriverInstances, DriverSlot } from './driver-instances.ts';
import { type LockRequest, LockTable } from './lock-table.ts';

/** The only way in which the operator calls drivers: locks, slots, timeouts, fencing of late calls, redaction, metrics. */
export class DriverCalls {
  readonly #locks = new LockTable();
  readonly #instances: DriverInstances;
  readonly #clock: Clock;
  readonly #metrics: DriverCallMetrics;
  readonly #runner: CallRunner;

  constructor({ instances, ...environment }: CallEnvironment & { readonly instances: DriverInstances }) {
    this.#instances = instances;
    this.#clock = environment.clock;
    this.#metrics = environment.metrics;
    this.#runner = new CallRunner(environment);
  }

  /** Backends that are not called because they do not answer. */
  get circuits(): BackendCircuits {
    return this.#runner.circuits;
  }

  /** Starts the metrics of a backend before its first call. */
  track(backendName: string): void {
    this.#metrics.track(backendName);
  }

  /** Forgets everything about a backend that is gone. */
  forget(backendName: string): void {
    this.circuits.forget(backendName);
    this.#metrics.forget(backendName);
  }

  /**
   * Waits until nothing else excludes the scope and its backend has a free slot. The slot is for the first call; each further
   * call waits for one of its own.
   * @param waiting called with what is waited for from then on; undefined: nothing any more
   * @throws DriverError `Unavailable` when one of these waits takes longer than `waitMs`, or the backend has no driver; CallsSuspended
   */
  async acquire(
    scope: CallScope,
    cancelled: AbortSignal,
    waitMs: number,
    waiting: (wait: Finding | undefined) => void = () => undefined,
  ): Promise<CallLease> {
    const { backendName, networkUID, server, shareUID, priority = 'normal' } = scope;
    this.circuits.check(backendName);
    const signal = AbortSignal.any([cancelled, this.circuits.whenOpened(backendName)]);
    if (priority !== 'denial') await this.circuits.afterHeadStart(backendName, signal);
    const withDeadline = <R>(wait: Finding, work: (signal: AbortSignal) => Promise<R>): Promise<R> => {
      waiting(wait);
      return this.#withDeadline(signal, waitMs, wait, work);
    };
    const acquireSlot = async (): Promise<DriverSlot> => {
      const slot = await withDeadline(backendBusy(backendName), (bounded) =>
        this.#instances.acquire(backendName, scope.tenant.namespace, priority, bounded),
      );
      waiting(undefined);
      return slot;
    };
    const network: LockRequest[] = networkUID === undefined ? [] : [{ key: networkLock(networkUID), mode: 'shared' }];
    const locks: LockRequest[] = [];
    if (server !== undefined) locks.push({ key: serverLock(server.uid), mode: server.mode });
    if (shareUID !== undefined) locks.push({ key: shareLock(shareUID), mode: 'exclusive' });

    const held: (() => void)[] = [];
    try {
      const releaseNetwork = await withDeadline(changeBeginning, (bounded) => this.#locks.acquire(network, bounded));
      held.push(releaseNetwork);
      const releaseLocks = await withDeadline(callRunning, (bounded) => this.#locks.acquire(locks, bounded));
      held.push(releaseLocks);
      // Bounded: a change of the network, whose lock is held meanwhile, must not wait forever for a stuck backend.
      const firstSlot = await acquireSlot();
      return new CallLease(this.#runner, scope, { releaseNetwork, releaseLocks, firstSlot, acquireSlot });
    } catch (error) {
      for (const release of held.toReversed()) release();
      throw error;
    }
  }

  /**
   * Runs `work` while no driver call of the network's objects runs and none begins.
   * @throws DriverError `Unavailable` when running calls did not end within `waitMs`
   */
  async whileQuiet<R>(networkUID: string, signal: AbortSignal, waitMs: number, work: () => Promise<R>): Promise<R> {
    const release = await this.#withDeadline(signal, waitMs, callRunning, (bounded) =>
      this.#locks.acquire([{ key: networkLock(networkUID), mode: 'exclusive' }], bounded),
    );
    try {
      return await work();
    } finally {
      release();
    }
  }

  /** @throws DriverError as {@link CallRunner.checkLeadership} */
  checkLeadership(): void {
    this.#runner.checkLeadership();
  }

  /** Whether a call that locks the server (also a late one) is running. */
  serverIsBusy(serverUID: string): boolean {
    return this.#locks.isHeld(serverLock(serverUID));
  }

  /** Whether a call for the share or its access rules (also a late one) is running. */
  shareIsBusy(shareUID: string): boolean {
    return this.#locks.isHeld(shareLock(shareUID));
  }

  async #withDeadline<R>(
    signal: AbortSignal,
    waitMs: number,
    wait: Finding,
    work: (signal: AbortSignal) => Promise<R>,
  ): Promise<R> {
    const deadline = new AbortController();
    const timer = this.#clock.setTimeout(() => {
      deadline.abort(new DriverError({ kind: 'Unavailable', ...wait }));
    }, waitMs);
    try {
      return await work(AbortSignal.any([signal, deadline.signal]));
    } finally {
      this.#clock.clearTimeout(timer);
    }
  }
}

function networkLock(uid: string): string {
  return `network/${uid}`;
}

function serverLock(uid: string): string {
  return `server/${uid}`;
}

function shareLock(uid: string): string {
  return `share/${uid}`;
}
