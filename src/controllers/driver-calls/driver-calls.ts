import type { Finding } from '../../api/v1alpha1/finding.ts';
import type { CallContext, Driver, DriverLogger, DriverOperation, Tenant } from '../../drivers/driver.ts';
import { asDriverError, DriverError, InProgress } from '../../drivers/errors.ts';
import type { Clock } from '../../runtime/clock.ts';
import { backendBusy, callRunning, changeBeginning } from '../status/findings.ts';
import { BackendCircuits } from './backend-circuits.ts';
import type { DriverCallMetrics } from './driver-call-metrics.ts';
import { isStorable } from './driver-data.ts';
import type { CallPriority, DriverInstances, DriverLease } from './driver-instances.ts';
import { type LockMode, type LockRequest, LockTable } from './lock-table.ts';
import { presentable } from './presentable-error.ts';
import { presentableResult } from './presentable-result.ts';

const shortestPollSeconds = 0.1;
const longestPollSeconds = 300;

/** What a call concerns; decides which other calls it excludes. */
export interface CallScope {
  readonly backendName: string;
  readonly tenant: Tenant;
  /** Held shared: a change of the network's security services waits for the call, and the call for the change. */
  readonly networkUID?: string;
  /**
   * Set-up, update and tear-down hold their server exclusively, calls for shares on it shared. `secrets` are texts about it
   * that must not show in an error.
   */
  readonly server?: { readonly uid: string; readonly mode: LockMode; readonly secrets?: readonly string[] };
  /** Held exclusively: one call at a time per share. */
  readonly shareUID?: string;
  readonly priority?: CallPriority;
}

/** What one driver call is. */
export interface CallOptions {
  readonly operation: DriverOperation;
  /** Identifier of the operation, the same over retries and restarts. */
  readonly id: string;
  readonly token?: string | undefined;
  /** Milliseconds after which the call is given up. */
  readonly timeoutMs: number;
  /** Texts that this call is given and that must not show in an error. */
  readonly secrets?: readonly string[];
}

/** Whether this process may call drivers: only while it leads. */
export interface Fence {
  /** Whether it leads at this moment. */
  readonly leading: boolean;
  /** Aborted when it leads no longer: what runs then has to end before another process leads. */
  readonly lost: AbortSignal;
}

/** Leave to make calls within one scope. */
export interface Permit {
  /** Makes a call. Failures are always a DriverError (a timeout is `Unavailable`) or InProgress, which asks to be polled after 0.1 to 300 s. */
  call<R>(options: CallOptions, invoke: (driver: Driver, context: CallContext) => Promise<R>): Promise<R>;
  /** Ends the permit. What a call that ignored its abort still holds is given back when that call settles. */
  release(): void;
}

/** The one way in which the operator calls drivers: locks, slots, timeouts, fencing of late calls, redaction, metrics. */
export class DriverCalls {
  /** Which backends are not called, because they do not answer. */
  readonly circuits: BackendCircuits;
  readonly #locks = new LockTable();
  readonly #instances: DriverInstances;
  readonly #clock: Clock;
  readonly #logger: DriverLogger;
  readonly #metrics: DriverCallMetrics;
  readonly #installationID: string;
  readonly #fence: Fence | undefined;
  readonly #attempts = new Map<string, number>();

  constructor(options: {
    readonly instances: DriverInstances;
    readonly clock: Clock;
    readonly logger: DriverLogger;
    readonly metrics: DriverCallMetrics;
    readonly installationID: string;
    /** Absent where nobody is elected. */
    readonly fence?: Fence | undefined;
  }) {
    this.#instances = options.instances;
    this.#clock = options.clock;
    this.circuits = new BackendCircuits(options.clock);
    this.#logger = options.logger;
    this.#metrics = options.metrics;
    this.#installationID = options.installationID;
    this.#fence = options.fence;
  }

  /** Has the figures of a backend's calls begin before the first call. */
  track(backendName: string): void {
    this.#metrics.track(backendName);
  }

  /** Keeps nothing of a backend that is gone. */
  forget(backendName: string): void {
    this.circuits.forget(backendName);
    this.#metrics.forget(backendName);
  }

  /**
   * Waits until nothing else excludes the scope and its backend has a free slot. The slot is the first call's; each further
   * call waits for one of its own.
   * @param waiting is told what is waited for from then on; undefined: for nothing any more
   * @throws DriverError `Unavailable` when one of these waits takes longer than `waitMs`, or the backend has no driver; CallsSuspended
   */
  async permit(
    scope: CallScope,
    cancelled: AbortSignal,
    waitMs: number,
    waiting: (wait: Finding | undefined) => void = () => undefined,
  ): Promise<Permit> {
    const { backendName } = scope;
    this.circuits.check(backendName);
    const signal = AbortSignal.any([cancelled, this.circuits.whenOpened(backendName)]);
    if (scope.priority !== 'denial') await this.circuits.afterHeadStart(backendName, signal);
    const withDeadline = <R>(wait: Finding, work: (signal: AbortSignal) => Promise<R>): Promise<R> => {
      waiting(wait);
      return this.#withDeadline(signal, waitMs, wait, work);
    };
    const network: LockRequest[] =
      scope.networkUID === undefined ? [] : [{ key: networkLock(scope.networkUID), mode: 'shared' }];
    const locks: LockRequest[] = [];
    if (scope.server !== undefined) locks.push({ key: `server/${scope.server.uid}`, mode: scope.server.mode });
    if (scope.shareUID !== undefined) locks.push({ key: shareLock(scope.shareUID), mode: 'exclusive' });

    const releaseNetwork = await withDeadline(changeBeginning, (bounded) => this.#locks.acquire(network, bounded));
    let releaseLocks: () => void;
    try {
      releaseLocks = await withDeadline(callRunning, (bounded) => this.#locks.acquire(locks, bounded));
    } catch (error) {
      releaseNetwork();
      throw error;
    }
    const lease = (bounded: AbortSignal): Promise<DriverLease> =>
      this.#instances.lease(scope.backendName, scope.tenant.namespace, scope.priority ?? 'normal', bounded);
    let next: DriverLease | undefined;
    try {
      // Bounded: the network's lock is held meanwhile, and a change of it must not wait for a stuck backend for ever.
      next = await withDeadline(backendBusy(scope.backendName), lease);
      waiting(undefined);
    } catch (error) {
      releaseLocks();
      releaseNetwork();
      throw error;
    }

    let running = 0;
    let released = false;
    const giveBack = (): void => {
      if (!released || running > 0) return;
      next?.release();
      next = undefined;
      releaseLocks();
    };
    return {
      call: async (options, invoke) => {
        running += 1;
        let used: DriverLease | undefined;
        const settled = (): void => {
          running -= 1;
          // At once: what follows a call, the writes of its result, must keep nobody else waiting.
          used?.release();
          giveBack();
        };
        try {
          const free = next;
          next = undefined;
          used = free ?? (await withDeadline(backendBusy(backendName), lease));
          if (free === undefined) waiting(undefined);
          this.circuits.check(backendName);
        } catch (error) {
          settled();
          throw error;
        }
        const { driver } = used;
        const secrets = [...used.secrets, ...(scope.server?.secrets ?? []), ...(options.secrets ?? [])];
        return await this.#call(scope, { ...options, secrets }, (context) => invoke(driver, context), settled);
      },
      release: () => {
        if (released) return;
        released = true;
        // A late call fences its server or share, not the whole network.
        releaseNetwork();
        giveBack();
      },
    };
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

  /**
   * Called in the same moment in which a driver is: a process that stood still since may not know yet that another leads.
   * @throws DriverError `Unavailable` where this process does not lead
   */
  checkLease(): void {
    if (this.#fence?.leading !== false) return;
    const message = 'this process no longer leads: the next leader makes the call';
    throw new DriverError({ kind: 'Unavailable', reason: 'LeaseLost', message });
  }

  /** Whether a call that holds the server (also a late one) is running. */
  serverIsBusy(serverUID: string): boolean {
    return this.#locks.isHeld(`server/${serverUID}`);
  }

  /** Whether a call for the share or its access rules (also a late one) is running. */
  shareIsBusy(shareUID: string): boolean {
    return this.#locks.isHeld(shareLock(shareUID));
  }

  async #call<R>(
    scope: CallScope,
    options: CallOptions,
    invoke: (context: CallContext) => Promise<R>,
    settled: () => void,
  ): Promise<R> {
    try {
      this.checkLease();
    } catch (error) {
      settled();
      throw error;
    }
    const attempt = (this.#attempts.get(options.id) ?? 0) + 1;
    this.#attempts.set(options.id, attempt);
    const abort = new AbortController();
    const context: CallContext = {
      signal: this.#fence === undefined ? abort.signal : AbortSignal.any([abort.signal, this.#fence.lost]),
      logger: this.#logger,
      operation: { id: options.id, attempt, ...(options.token === undefined ? {} : { token: options.token }) },
      installationID: this.#installationID,
      tenant: scope.tenant,
    };
    const observed = this.#metrics.begin(scope.backendName, options.operation);
    const timeout = Promise.withResolvers<never>();
    const timer = this.#clock.setTimeout(() => {
      const error = new DriverError({
        kind: 'Unavailable',
        reason: 'OperationTimeout',
        message: `${options.operation} on backend ${scope.backendName} gave no answer within ${options.timeoutMs / 1000} s`,
      });
      abort.abort(error);
      observed.timedOut();
      timeout.reject(error);
    }, options.timeoutMs);
    // A driver that throws synchronously is handled like one that rejects.
    const running = (async () => await invoke(context))();
    running
      .catch(() => undefined)
      .finally(() => {
        observed.settled();
        settled();
      });
    try {
      const result = await Promise.race([running, timeout.promise]);
      this.#attempts.delete(options.id);
      observed.finished('ok');
      return presentableResult(result, options.secrets ?? []);
    } catch (thrown) {
      // A token that can't be stored is a fault of the driver: the work could not be asked for again.
      if (thrown instanceof InProgress && isStorable(thrown.token)) {
        observed.finished('in_progress');
        throw askedAgainInTime(thrown);
      }
      const error = presentable(asDriverError(thrown), options.secrets ?? []);
      if (error.kind !== 'Unavailable') this.#attempts.delete(options.id);
      observed.finished(error.kind);
      if (error.kind === 'Unavailable') this.circuits.suspect(scope.backendName);
      this.#logger.warn(
        {
          backend: scope.backendName,
          operation: options.operation,
          operationID: options.id,
          attempt,
          kind: error.kind,
          reason: error.reason,
          error: error.message,
          ...(error.detail === undefined ? {} : { detail: error.detail }),
        },
        'driver call failed',
      );
      throw error;
    } finally {
      this.#clock.clearTimeout(timer);
    }
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

/** Work that is asked for again neither at once nor after hours, whatever the driver says. */
function askedAgainInTime(thrown: InProgress): InProgress {
  const { token, pollAfter } = thrown;
  const seconds = Number.isNaN(pollAfter) ? 1 : Math.min(longestPollSeconds, Math.max(shortestPollSeconds, pollAfter));
  return seconds === pollAfter ? thrown : new InProgress({ token, pollAfter: seconds });
}

function networkLock(uid: string): string {
  return `network/${uid}`;
}

function shareLock(uid: string): string {
  return `share/${uid}`;
}
