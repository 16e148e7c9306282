import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/** What the metrics read of a work queue. */
export interface ObservedQueue {
  /** Keys of one priority that wait for a worker now. */
  waiting(priority: Priority): number;
  /** How long the keys with a worker have been there, milliseconds. */
  unfinishedWork(): { readonly totalMs: number; readonly longestMs: number };
}

/** `normal` goes first; `low` is for work that no one waits for (the first list). */
export type Priority = 'normal' | 'low';

/** One finished request to the API server. */
export interface RequestObservation {
  readonly method: string;
  /** Kubernetes verb: get, list, watch, create, update, patch, delete. */
  readonly verb: string;
  /** Plural, with the subresource after a slash; empty for paths outside of the resource tree. */
  readonly resource: string;
  readonly host: string;
  /** HTTP status, or `<error>` when no answer came, as client-go says it. */
  readonly code: string;
}

// Upper bounds in seconds, as controller-runtime and client-go choose them, so that existing dashboards work.
const reconcileBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120];
const queueBuckets = [1e-4, 1e-3, 1e-2, 0.1, 1, 10, 100];

/** Values of the label `result` of reconciles. */
const reconcileResults = ['success', 'requeue', 'requeue_after', 'error'] as const;
/** Causes of dropped events that are known beforehand; the API server's reasons come to them. */
const dropCauses = ['rate', 'queue full', 'error'] as const;

/** The runtime's own metrics, under controller-runtime's and client-go's names, in a registry of their own. */
export class RuntimeMetrics {
  readonly registry = new Registry();
  readonly reconcileTotal = new Counter({
    name: 'controller_runtime_reconcile_total',
    help: 'Total number of reconciliations per controller',
    labelNames: ['controller', 'result'],
    registers: [this.registry],
  });
  readonly reconcileErrors = this.#counter(
    'controller_runtime_reconcile_errors_total',
    'Total number of reconciliation errors per controller',
  );
  readonly reconcilePanics = this.#counter(
    'controller_runtime_reconcile_panics_total',
    'Total number of reconciliations that failed with something that is not an error object, or by a programming error',
  );
  readonly stuckReconciles = this.#counter(
    'controller_runtime_reconcile_timeouts_total',
    'Total number of reconciliations that ran longer than the time after which they count as stuck',
  );
  readonly blockingReconciles = this.#counter(
    'controller_runtime_reconcile_blocking_total',
    'Total number of reconciliations that kept the thread for more than a second without a break',
  );
  readonly reconcileTime = new Histogram({
    name: 'controller_runtime_reconcile_time_seconds',
    help: 'Length of time per reconciliation per controller',
    labelNames: ['controller'],
    buckets: reconcileBuckets,
    registers: [this.registry],
  });
  readonly maxConcurrentReconciles = new Gauge({
    name: 'controller_runtime_max_concurrent_reconciles',
    help: 'Maximum number of concurrent reconciles per controller',
    labelNames: ['controller'],
    registers: [this.registry],
  });
  readonly activeWorkers = new Gauge({
    name: 'controller_runtime_active_workers',
    help: 'Number of currently used workers per controller',
    labelNames: ['controller'],
    registers: [this.registry],
  });
  readonly queueAdds = this.#queueCounter('workqueue_adds_total', 'Total number of adds handled by the work queue');
  readonly queueRetries = this.#queueCounter(
    'workqueue_retries_total',
    'Total number of retries handled by the work queue',
  );
  readonly queueDuration = this.#queueHistogram(
    'workqueue_queue_duration_seconds',
    'How long in seconds an item stays in the work queue before being requested',
  );
  readonly workDuration = this.#queueHistogram(
    'workqueue_work_duration_seconds',
    'How long in seconds processing an item from the work queue takes',
  );
  readonly requests = new Counter({
    name: 'rest_client_requests_total',
    help: 'Number of HTTP requests, partitioned by status code, method, and host',
    labelNames: ['code', 'method', 'host'],
    registers: [this.registry],
  });
  readonly resourceRequests = new Counter({
    name: 'rest_client_resource_requests_total',
    help: 'Number of requests to the API server, partitioned by Kubernetes verb and resource',
    labelNames: ['verb', 'resource'],
    registers: [this.registry],
  });
  readonly refusedWrites = new Counter({
    name: 'rest_client_refused_writes_total',
    help: 'Total number of writes that the API server refused: by a policy, a quota, missing rights or validation',
    labelNames: ['verb', 'resource', 'code'],
    registers: [this.registry],
  });
  readonly leaderStatus = new Gauge({
    name: 'leader_election_master_status',
    help: 'Whether this process is the leader (1) or not (0)',
    labelNames: ['name'],
    registers: [this.registry],
  });
  readonly reflectorLists = new Counter({
    name: 'reflector_lists_total',
    help: 'Total number of API lists done by the reflectors',
    labelNames: ['name'],
    registers: [this.registry],
  });
  readonly reflectorWatches = new Counter({
    name: 'reflector_watches_total',
    help: 'Total number of API watches done by the reflectors',
    labelNames: ['name'],
    registers: [this.registry],
  });
  readonly reflectorErrors = new Counter({
    name: 'reflector_errors_total',
    help: 'Total number of lists and watches of the reflectors that failed',
    labelNames: ['name'],
    registers: [this.registry],
  });
  readonly eventsDropped = new Counter({
    name: 'event_recorder_dropped_total',
    help: 'Total number of events that were not stored, by cause',
    labelNames: ['cause'],
    registers: [this.registry],
  });
  readonly #queues = new Map<string, ObservedQueue>();

  constructor() {
    for (const cause of dropCauses) this.eventsDropped.inc({ cause }, 0);
    const queues = this.#queues;
    new Gauge({
      name: 'workqueue_depth',
      help: 'Current depth of the work queue by priority',
      labelNames: ['name', 'controller', 'priority'],
      registers: [this.registry],
      collect() {
        const priorities: readonly Priority[] = ['normal', 'low'];
        for (const [name, queue] of queues) {
          for (const priority of priorities) this.set({ name, controller: name, priority }, queue.waiting(priority));
        }
      },
    });
    new Gauge({
      name: 'workqueue_unfinished_work_seconds',
      help: 'Seconds of work in progress that work_duration has not observed yet',
      labelNames: ['name', 'controller'],
      registers: [this.registry],
      collect() {
        for (const [name, queue] of queues) this.set({ name, controller: name }, queue.unfinishedWork().totalMs / 1000);
      },
    });
    new Gauge({
      name: 'workqueue_longest_running_processor_seconds',
      help: 'Seconds that the longest running worker of the work queue has been running',
      labelNames: ['name', 'controller'],
      registers: [this.registry],
      collect() {
        for (const [name, queue] of queues)
          this.set({ name, controller: name }, queue.unfinishedWork().longestMs / 1000);
      },
    });
  }

  /** Adds the process' own figures (CPU, memory, event loop); once per process. */
  collectProcessMetrics(): void {
    collectDefaultMetrics({ register: this.registry });
  }

  /** Shows depth and unfinished work of a queue. Its counters begin at zero, or `increase()` would miss what comes first. */
  trackQueue(name: string, queue: ObservedQueue): void {
    this.#queues.set(name, queue);
    for (const counter of [this.queueAdds, this.queueRetries]) counter.inc({ name, controller: name }, 0);
  }

  /** Has the counters of a controller begin at zero. */
  trackController(controller: string): void {
    const { reconcileErrors, reconcilePanics, stuckReconciles, blockingReconciles } = this;
    for (const counter of [reconcileErrors, reconcilePanics, stuckReconciles, blockingReconciles]) {
      counter.inc({ controller }, 0);
    }
    for (const result of reconcileResults) this.reconcileTotal.inc({ controller, result }, 0);
  }

  /** Has the counters of a reflector begin at zero. */
  trackReflector(name: string): void {
    for (const counter of [this.reflectorLists, this.reflectorWatches, this.reflectorErrors]) counter.inc({ name }, 0);
  }

  observeRequest(request: RequestObservation): void {
    this.requests.inc({ code: request.code, method: request.method, host: request.host });
    this.resourceRequests.inc({ verb: request.verb, resource: request.resource });
  }

  #counter(name: string, help: string): Counter<'controller'> {
    return new Counter({ name, help, labelNames: ['controller'], registers: [this.registry] });
  }

  #queueCounter(name: string, help: string): Counter<'name' | 'controller'> {
    return new Counter({ name, help, labelNames: ['name', 'controller'], registers: [this.registry] });
  }

  #queueHistogram(name: string, help: string): Histogram<'name' | 'controller'> {
    return new Histogram({
      name,
      help,
      labelNames: ['name', 'controller'],
      buckets: queueBuckets,
      registers: [this.registry],
    });
  }
}
