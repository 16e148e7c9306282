import type { ApiClient, WatchClient } from './api-client.ts';
import { type Clock, systemClock } from './clock.ts';
import { type Controller, type ControllerOptions, QueueController } from './controller.ts';
import { createInformer, type Informer, type InformerOptions } from './informer.ts';
import type { KubeObject } from './kube-object.ts';
import { type LeaderElectionOptions, LeaderElector } from './leader-election.ts';
import type { Logger } from './logger.ts';
import type { RuntimeMetrics } from './metrics.ts';
import { type Check, metricsEndpoint, ProbeServer, probeEndpoint } from './probe-server.ts';
import type { ReflectorTimings } from './reflector.ts';

export interface ManagerOptions {
  readonly client: ApiClient & WatchClient & { guardWrites?(mayWrite: () => boolean): void };
  readonly logger: Logger;
  readonly metrics: RuntimeMetrics;
  readonly clock?: Clock;
  readonly random?: () => number;
  /** Without it this process works at once. */
  readonly leaderElection?: LeaderElectionOptions | undefined;
  /** Namespaces that informers of namespaced kinds follow when they name none; all when absent. */
  readonly watchNamespaces?: readonly string[] | undefined;
  /** `host:port` or `:port` of `/healthz` and `/readyz`; none when absent or `0`. */
  readonly healthProbeBindAddress?: string | undefined;
  /** `host:port` or `:port` of `/metrics`; none when absent or `0`. */
  readonly metricsBindAddress?: string | undefined;
  /** Most milliseconds that running reconciles may take at shutdown. */
  readonly gracefulShutdownMs?: number | undefined;
  /** For tests: how reflectors wait. */
  readonly reflectorTimings?: Partial<ReflectorTimings> | undefined;
  /** Milliseconds after which a reconcile is reported as stuck. */
  readonly stuckAfterMs?: number | undefined;
}

/** Something that runs beside the controllers until its signal is aborted. When it rejects, the manager stops and rejects. */
export interface Runnable {
  readonly name: string;
  start(signal: AbortSignal): Promise<void>;
  /** Start it only while leading (default), or as soon as the caches are synced. */
  readonly needsLeader?: boolean;
}

interface AnyInformer {
  readonly type: { readonly plural: string };
  readonly synced: boolean;
  whenSynced(signal?: AbortSignal): Promise<void>;
  start(signal: AbortSignal): void;
}

const defaultGracefulShutdownMs = 30_000;
/** Bound of the work between the last reconcile and the release of the lease. */
const cleanupMs = 3_000;

/** Starts and stops the parts of an operator in the right order. */
export class Manager {
  readonly #options: ManagerOptions;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #informers = new Map<string, AnyInformer>();
  readonly #controllers: QueueController[] = [];
  readonly #runnables: Runnable[] = [];
  readonly #cleanups: (() => Promise<void>)[] = [];
  readonly #lasts: (() => Promise<void>)[] = [];
  readonly #readyChecks = new Map<string, Check>();
  readonly #following = new AbortController();
  readonly #ports = { health: 0, metrics: 0 };
  readonly #lost = new AbortController();
  readonly #leaderElector: LeaderElector | undefined;
  #started = false;

  constructor(options: ManagerOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
    this.#leaderElector = this.#elector();
    this.#readyChecks.set('informers', () => {
      const unsynced = [...this.#informers.values()].filter((informer) => !informer.synced);
      return unsynced.length === 0 || `not synced: ${unsynced.map((informer) => informer.type.plural).join(', ')}`;
    });
  }

  /** Ports that the servers listen on; 0 before `run` and for those that are off. */
  get ports(): { readonly health: number; readonly metrics: number } {
    return this.#ports;
  }

  /**
   * Whether this process leads at this moment, and a signal that is aborted when it does so no longer; undefined where no one is
   * elected.
   */
  get leadership(): { readonly leading: boolean; readonly lost: AbortSignal } | undefined {
    const elector = this.#leaderElector;
    if (elector === undefined) return undefined;
    return {
      get leading() {
        return elector.leading;
      },
      lost: this.#lost.signal,
    };
  }

  /**
   * The informer of a kind and selection, shared by all who ask for the same.
   *
   * @throws RangeError when an index exists with another function, or the selection with another transformation.
   */
  informer<T extends KubeObject>(options: InformerOptions<T>): Informer<T> {
    const { type, labelSelector, fieldSelector } = options;
    const namespaces = options.namespaces ?? (type.namespaced ? this.#options.watchNamespaces : undefined);
    const key = JSON.stringify([type.group, type.version, type.plural, namespaces, labelSelector, fieldSelector]);
    // The map holds informers of many types; that of this key was made for this type.
    const present = this.#informers.get(key) as (Informer<T> & AnyInformer) | undefined;
    if (present !== undefined) {
      if (options.transform !== undefined) {
        throw new RangeError(
          `the informer of ${type.plural} exists: its transformation must be given at the first call`,
        );
      }
      present.addIndexers(options.indexers ?? {});
      return present;
    }
    const informer = createInformer(
      this.#options.client,
      { ...options, ...(namespaces !== undefined && { namespaces }) },
      {
        logger: this.#options.logger,
        metrics: this.#options.metrics,
        clock: this.#clock,
        random: this.#random,
        timings: this.#options.reflectorTimings,
      },
    );
    this.#informers.set(key, informer);
    if (this.#started) informer.start(this.#following.signal);
    return informer;
  }

  /** @throws RangeError when the name is taken or `run` was called. */
  controller(options: ControllerOptions): Controller {
    if (this.#started) throw new RangeError('controllers must be added before the manager runs');
    if (this.#controllers.some((controller) => controller.name === options.name)) {
      throw new RangeError(`there are two controllers "${options.name}"`);
    }
    const { logger, metrics, stuckAfterMs } = this.#options;
    const dependencies = { logger, metrics, clock: this.#clock, random: this.#random, stuckAfterMs };
    const controller = new QueueController(options, dependencies);
    this.#controllers.push(controller);
    return controller;
  }

  addRunnable(runnable: Runnable): void {
    this.#runnables.push(runnable);
  }

  /** Work for after the last reconcile and before the lease is released, for example to send the last events; bounded. */
  addCleanup(cleanup: () => Promise<void>): void {
    this.#cleanups.push(cleanup);
  }

  /** What serves others until all work has ended, however that came: closes it. */
  addLast(close: () => Promise<void>): void {
    this.#lasts.push(close);
  }

  addReadyCheck(name: string, check: Check): void {
    this.#readyChecks.set(name, check);
  }

  /**
   * Runs everything until the signal is aborted: servers, informers, (leadership), runnables, controllers; then the reverse.
   *
   * @throws LeadershipLostError after all work was stopped; the error of a runnable; an error of listening.
   */
  async run(signal: AbortSignal): Promise<void> {
    this.#started = true;
    const elector = this.#leaderElector;
    const servers = await this.#listen(elector);
    const stopping = new AbortController();
    const onSignal = () => stopping.abort(signal.reason);
    signal.addEventListener('abort', onSignal, { once: true });
    if (signal.aborted) onSignal();
    const renewal = new AbortController();
    const tasks: Promise<unknown>[] = [];
    let failure: unknown;
    const fail = (error: unknown) => {
      // What fails because it was told to stop is no failure.
      if (stopping.signal.aborted) this.#options.logger.debug({ err: error }, 'failed while stopping');
      else failure = error;
      stopping.abort(error);
    };
    let renewing: Promise<void> | undefined;
    try {
      for (const informer of this.#informers.values()) informer.start(this.#following.signal);
      await Promise.all([...this.#informers.values()].map((informer) => informer.whenSynced(stopping.signal)));
      const start = (runnable: Runnable) => tasks.push(runnable.start(stopping.signal).catch(fail));
      for (const runnable of this.#runnables.filter(({ needsLeader }) => needsLeader === false)) start(runnable);
      if (elector) {
        await elector.acquire(stopping.signal);
        this.#options.client.guardWrites?.(() => !elector.lost);
        renewing = elector.keep(renewal.signal).catch((error) => {
          fail(error);
          this.#lost.abort(error);
          renewal.abort();
        });
      }
      for (const runnable of this.#runnables.filter(({ needsLeader }) => needsLeader !== false)) start(runnable);
      for (const controller of this.#controllers) tasks.push(controller.run(stopping.signal));
      this.#options.logger.info({ controllers: this.#controllers.length }, 'controllers started');
      await aborted(stopping.signal);
    } catch (error) {
      fail(error);
    }
    try {
      const drained = await this.#drain(tasks, elector, renewal.signal);
      renewal.abort();
      await renewing;
      if (drained) await elector?.release();
    } finally {
      signal.removeEventListener('abort', onSignal);
      this.#following.abort();
      await Promise.all([...servers.map((server) => server.close()), ...this.#lasts.map((close) => close())]);
    }
    if (failure !== undefined) throw failure;
  }

  /** Waits for what runs, as long as this process may still work; returns whether all of it ended. */
  async #drain(tasks: readonly Promise<unknown>[], elector: LeaderElector | undefined, lost: AbortSignal) {
    const { logger, gracefulShutdownMs = defaultGracefulShutdownMs } = this.#options;
    // Once the lease is lost, everything must be over before another may take it.
    const boundMs = elector?.lost ? Math.max(0, elector.remainingMs * 0.8) : gracefulShutdownMs;
    logger.info({ running: this.#active().length }, 'stopping');
    const timeout = new AbortController();
    const cutShort = elector?.lost ? timeout.signal : AbortSignal.any([lost, timeout.signal]);
    const late = this.#clock.sleep(boundMs, cutShort).then(
      () => false,
      () => false,
    );
    const drained = await Promise.race([Promise.allSettled(tasks).then(() => true), late]);
    timeout.abort();
    if (!drained) logger.warn({ running: this.#active() }, 'not everything ended in time');
    if (!elector?.lost) {
      const cleanups = Promise.allSettled(this.#cleanups.map((cleanup) => cleanup()));
      const bound = new AbortController();
      await Promise.race([cleanups, this.#clock.sleep(cleanupMs, bound.signal).catch(() => undefined)]);
      bound.abort();
    }
    return drained;
  }

  #active() {
    return this.#controllers.flatMap((controller) =>
      controller.active.map((name) => ({ controller: controller.name, ...name })),
    );
  }

  #elector(): LeaderElector | undefined {
    const { leaderElection, client, logger, metrics } = this.#options;
    if (leaderElection === undefined) return undefined;
    return new LeaderElector(leaderElection, { client, logger, metrics, clock: this.#clock, random: this.#random });
  }

  async #listen(elector: LeaderElector | undefined): Promise<ProbeServer[]> {
    const { healthProbeBindAddress, metricsBindAddress, metrics } = this.#options;
    const healthChecks = new Map<string, Check>();
    if (elector) healthChecks.set('leader-election', () => !elector.lost || 'leadership lost');
    const servers: ProbeServer[] = [];
    try {
      if (healthProbeBindAddress !== undefined && healthProbeBindAddress !== '0') {
        const endpoints = [probeEndpoint('/healthz', healthChecks), probeEndpoint('/readyz', this.#readyChecks)];
        const server = new ProbeServer('the health probe server', endpoints);
        servers.push(server);
        this.#ports.health = await server.listen(healthProbeBindAddress);
      }
      if (metricsBindAddress !== undefined && metricsBindAddress !== '0') {
        const server = new ProbeServer('the metrics server', [metricsEndpoint(metrics.registry)]);
        servers.push(server);
        this.#ports.metrics = await server.listen(metricsBindAddress);
      }
    } catch (error) {
      await Promise.all(servers.map((server) => server.close()));
      throw error;
    }
    return servers;
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
