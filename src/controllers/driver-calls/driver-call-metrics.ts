import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { DriverOperation } from '../../drivers/driver.ts';
import type { DriverErrorKind } from '../../drivers/errors.ts';

/** All operations: the compiler reports a missing one. */
const operations: Readonly<Record<DriverOperation, true>> = {
  getCapabilities: true,
  setupServer: true,
  teardownServer: true,
  createShare: true,
  extendShare: true,
  shrinkShare: true,
  deleteShare: true,
  updateAccess: true,
  ensureServer: true,
  ensureShare: true,
  checkUpdateShareServerSecurityService: true,
  updateShareServerSecurityService: true,
};
const errorKinds: Readonly<Record<DriverErrorKind, true>> = {
  Unavailable: true,
  Rejected: true,
  NotFound: true,
  Internal: true,
};

/** Follows one driver call. */
export interface ObservedCall {
  /** The caller has its answer. */
  finished(result: string): void;
  /** The call did not end in time; it counts as stuck until it settles. */
  timedOut(): void;
  /** The driver's promise settled. */
  settled(): void;
}

/** Metrics of driver calls, by backend and driver method. */
export class DriverCallMetrics {
  readonly #duration: Histogram;
  readonly #errors: Counter;
  readonly #stuck: Gauge;

  constructor(registry: Registry) {
    const registers = [registry];
    this.#duration = new Histogram({
      name: 'sharenet_driver_call_duration_seconds',
      help: 'Duration of driver calls in seconds, until the operator had an answer.',
      labelNames: ['backend', 'operation', 'result'],
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
      registers,
    });
    this.#errors = new Counter({
      name: 'sharenet_driver_call_errors_total',
      help: 'Driver calls that failed, by kind of error.',
      labelNames: ['backend', 'operation', 'kind'],
      registers,
    });
    this.#stuck = new Gauge({
      name: 'sharenet_driver_calls_stuck',
      help: 'Driver calls that are still running after they were aborted.',
      labelNames: ['backend', 'operation'],
      registers,
    });
  }

  /** Starts the counters of a backend at zero. The probe is not counted. */
  track(backend: string): void {
    for (const operation of Object.keys(operations)) {
      if (operation === 'getCapabilities') continue;
      for (const kind of Object.keys(errorKinds)) this.#errors.inc({ backend, operation, kind }, 0);
    }
  }

  /** The backend is gone. */
  forget(backend: string): void {
    for (const operation of Object.keys(operations)) {
      this.#stuck.remove({ backend, operation });
      for (const kind of Object.keys(errorKinds)) this.#errors.remove({ backend, operation, kind });
      for (const result of ['ok', 'in_progress', ...Object.keys(errorKinds)]) {
        this.#duration.remove({ backend, operation, result });
      }
    }
  }

  /** A call begins. */
  begin(backend: string, operation: string): ObservedCall {
    const started = performance.now();
    let stuck = false;
    return {
      finished: (result) => {
        this.#duration.observe({ backend, operation, result }, (performance.now() - started) / 1000);
        if (result !== 'ok' && result !== 'in_progress') this.#errors.inc({ backend, operation, kind: result });
      },
      timedOut: () => {
        stuck = true;
        this.#stuck.inc({ backend, operation });
      },
      settled: () => {
        if (stuck) this.#stuck.dec({ backend, operation });
      },
    };
  }
}
