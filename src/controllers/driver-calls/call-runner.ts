import type { CallContext, DriverLogger } from '../../drivers/driver.ts';
import { asDriverError, DriverError, InProgress } from '../../drivers/errors.ts';
import type { Clock } from '../../runtime/clock.ts';
import { Attempts } from './attempts.ts';
import { BackendCircuits } from './backend-circuits.ts';
import type { CallOptions, CallScope } from './call-scope.ts';
import type { DriverCallMetrics } from './driver-call-metrics.ts';
import { isStorable } from './driver-data.ts';
import { presentable } from './presentable-error.ts';
import { presentableResult } from './presentable-result.ts';

const shortestPollSeconds = 0.1;
const longestPollSeconds = 300;

/** Whether this process may call drivers: only while it is the leader. */
export interface Fence {
  /** Whether it is the leader at this moment. */
  readonly leading: boolean;
  /** Aborted when it loses leadership: running calls have to end before another process becomes the leader. */
  readonly lost: AbortSignal;
}

/** What driver calls need of the process. */
export interface CallEnvironment {
  readonly clock: Clock;
  readonly logger: DriverLogger;
  readonly metrics: DriverCallMetrics;
  readonly installationID: string;
  /** Absent without leader election. */
  readonly fence?: Fence | undefined;
}

/** Makes single driver calls: timeout, fencing of late calls, redaction, metrics. */
export class CallRunner {
  /** Backends that are not called because they do not answer. */
  readonly circuits: BackendCircuits;
  readonly #environment: CallEnvironment;
  readonly #attempts: Attempts;

  constructor(environment: CallEnvironment) {
    this.#environment = environment;
    this.circuits = new BackendCircuits(environment.clock);
    this.#attempts = new Attempts(environment.clock);
  }

  /**
   * Must be called in the same turn of the event loop as the driver: a process that was suspended may not know yet that another
   * process is the leader.
   * @throws DriverError `Unavailable` where this process is not the leader
   */
  checkLeadership(): void {
    if (this.#environment.fence?.leading !== false) return;
    const message = 'this process is no longer the leader; the next leader makes the call';
    throw new DriverError({ kind: 'Unavailable', reason: 'LeaseLost', message });
  }

  /**
   * Makes a call.
   * @param settled called when the driver's promise has settled, which may be long after a timeout
   */
  async run<R>(
    scope: CallScope,
    options: CallOptions,
    invoke: (context: CallContext) => Promise<R>,
    settled: () => void,
  ): Promise<R> {
    try {
      this.checkLeadership();
    } catch (error) {
      settled();
      throw error;
    }
    const { clock, metrics } = this.#environment;
    const { backendName } = scope;
    const attempt = this.#attempts.begin(options.id);
    const abort = new AbortController();
    const observed = metrics.begin(backendName, options.operation);
    const timeout = Promise.withResolvers<never>();
    const timer = clock.setTimeout(() => {
      const message = `${options.operation} on backend ${backendName} gave no answer within ${options.timeoutMs / 1000} s`;
      const error = new DriverError({ kind: 'Unavailable', reason: 'OperationTimeout', message });
      abort.abort(error);
      observed.timedOut();
      timeout.reject(error);
    }, options.timeoutMs);
    const context = this.#context(scope, options, attempt, abort.signal);
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
      this.#attempts.end(options.id);
      observed.finished('ok');
      return presentableResult(result, options.secrets ?? []);
    } catch (thrown) {
      const failure = this.#failure(backendName, options, attempt, thrown);
      observed.finished(failure instanceof InProgress ? 'in_progress' : failure.kind);
      throw failure;
    } finally {
      clock.clearTimeout(timer);
    }
  }

  #context(scope: CallScope, { id, token }: CallOptions, attempt: number, aborted: AbortSignal): CallContext {
    const { fence, logger, installationID } = this.#environment;
    return {
      signal: fence === undefined ? aborted : AbortSignal.any([aborted, fence.lost]),
      logger,
      operation: { id, attempt, ...(token === undefined ? {} : { token }) },
      installationID,
      tenant: scope.tenant,
    };
  }

  /** Turns what a driver threw into an error that may be shown, and logs it. */
  #failure(backendName: string, options: CallOptions, attempt: number, thrown: unknown): DriverError | InProgress {
    // A token that can't be stored is a fault of the driver: the next call could not pass it back.
    if (thrown instanceof InProgress && isStorable(thrown.token)) {
      this.#attempts.retry(options.id);
      return withBoundedPoll(thrown);
    }
    const error = presentable(asDriverError(thrown), options.secrets ?? []);
    if (error.kind === 'Unavailable') {
      this.#attempts.retry(options.id);
      this.circuits.suspect(backendName);
    } else {
      this.#attempts.end(options.id);
    }
    const { kind, reason, message, detail } = error;
    const call = { backend: backendName, operation: options.operation, operationID: options.id, attempt };
    const failure = { kind, reason, error: message, ...(detail === undefined ? {} : { detail }) };
    this.#environment.logger.warn({ ...call, ...failure }, 'driver call failed');
    return error;
  }
}

/** Work is polled neither at once nor after hours, whatever the driver says. */
function withBoundedPoll(thrown: InProgress): InProgress {
  const { token, pollAfter } = thrown;
  const seconds = Number.isNaN(pollAfter) ? 1 : Math.min(longestPollSeconds, Math.max(shortestPollSeconds, pollAfter));
  return seconds === pollAfter ? thrown : new InProgress({ token, pollAfter: seconds });
}
