import type { ApiClient } from './api-client.ts';
import { isAlreadyExists, isConflict, isNotFound } from './api-error.ts';
import type { Clock } from './clock.ts';
import type { KubeObject, ObjectName, ResourceType } from './kube-object.ts';
import type { Logger } from './logger.ts';
import type { RuntimeMetrics } from './metrics.ts';
import { microTime } from './micro-time.ts';

interface LeaseSpec {
  readonly holderIdentity?: string;
  readonly leaseDurationSeconds?: number;
  /** RFC 3339 with microseconds. */
  readonly acquireTime?: string;
  readonly renewTime?: string;
  readonly leaseTransitions?: number;
}

interface Lease extends KubeObject {
  readonly spec?: LeaseSpec;
}

const leases: ResourceType<Lease> = {
  group: 'coordination.k8s.io',
  version: 'v1',
  kind: 'Lease',
  plural: 'leases',
  namespaced: true,
};

export interface LeaderElectionOptions {
  readonly lease: Required<ObjectName>;
  /** Unique to this process. */
  readonly identity: string;
  /** How long others wait after the last renewal they saw; 15 s. */
  readonly leaseDurationMs?: number;
  /** Without a renewal for so long the leader stops; 10 s. */
  readonly renewDeadlineMs?: number;
  /** Pause between attempts; 2 s. */
  readonly retryPeriodMs?: number;
}

export interface LeaderElectionDependencies {
  readonly client: Pick<ApiClient, 'get' | 'create' | 'replace'>;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly random: () => number;
  readonly metrics?: RuntimeMetrics | undefined;
}

/** The lease was not renewed in time or was taken by another: the process must not go on. */
export class LeadershipLostError extends Error {
  override readonly name = 'LeadershipLostError';
}

/**
 * Leader election over a Lease, by client-go's rules: a lease counts as expired when this process has seen no change of it for its
 * whole duration (clocks of machines are never compared), and the leader gives up `leaseDuration - renewDeadline` before that.
 */
export class LeaderElector {
  readonly #options: Required<LeaderElectionOptions>;
  readonly #dependencies: LeaderElectionDependencies;
  #lease: Lease | undefined;
  /** When the lease was last seen to change. */
  #seenAt: Instant | undefined;
  /** When the last successful renewal was sent off. */
  #renewedAt: Instant | undefined;
  #lost = false;
  #taken = false;

  constructor(options: LeaderElectionOptions, dependencies: LeaderElectionDependencies) {
    this.#options = { leaseDurationMs: 15_000, renewDeadlineMs: 10_000, retryPeriodMs: 2_000, ...options };
    this.#dependencies = dependencies;
    const { leaseDurationMs, renewDeadlineMs, retryPeriodMs } = this.#options;
    if (!(leaseDurationMs > renewDeadlineMs && renewDeadlineMs > retryPeriodMs * 1.2)) {
      throw new RangeError('leader election needs leaseDuration > renewDeadline > 1.2 * retryPeriod');
    }
    dependencies.metrics?.leaderStatus.set({ name: this.#options.lease.name }, 0);
  }

  /** Whether this process leads at this moment, also when the event loop stood still since the last renewal. */
  get leading(): boolean {
    return !this.#lost && this.#left() > 0;
  }

  /** Whether this process led and does so no longer. */
  get lost(): boolean {
    return this.#lost || (this.#renewedAt !== undefined && !this.leading);
  }

  /** Milliseconds until another may take the lease of this process. */
  get remainingMs(): number {
    return this.#taken ? 0 : this.#left() + this.#options.leaseDurationMs - this.#options.renewDeadlineMs;
  }

  /** Resolves when this process leads; rejects with the signal's reason. */
  async acquire(signal: AbortSignal): Promise<void> {
    const { logger, metrics } = this.#dependencies;
    const { lease, identity } = this.#options;
    logger.info({ lease: `${lease.namespace}/${lease.name}`, identity }, 'waiting for the leader lease');
    while (!(await this.#try(signal))) await this.#pause(signal, this.#untilFree());
    metrics?.leaderStatus.set({ name: lease.name }, 1);
    logger.info({ lease: `${lease.namespace}/${lease.name}`, identity }, 'leading');
  }

  /**
   * Renews until the signal is aborted.
   *
   * @throws LeadershipLostError at the renew deadline, or as soon as another holder is seen.
   */
  async keep(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#pause(signal, this.#left()).catch(() => undefined);
      await this.#tryUntilDeadline(signal);
      if (signal.aborted) return;
      const holder = this.#lease?.spec?.holderIdentity;
      this.#taken = holder !== this.#options.identity;
      if (this.#taken) this.#lose(`the lease was taken by "${holder ?? ''}"`);
      if (!this.leading) this.#lose('the lease could not be renewed in time');
    }
  }

  /** Gives the lease up, so that another need not wait for its end. Never rejects. */
  async release(): Promise<void> {
    const { client, clock, logger, metrics } = this.#dependencies;
    const held = this.#lease;
    if (!this.leading || held === undefined) return;
    this.#lost = true;
    metrics?.leaderStatus.set({ name: this.#options.lease.name }, 0);
    const now = microTime(clock.now());
    const spec = { ...held.spec, holderIdentity: '', leaseDurationSeconds: 1, renewTime: now, acquireTime: now };
    try {
      await client.replace(leases, { ...held, spec });
      logger.info('the leader lease was released');
    } catch (error) {
      logger.warn({ err: error }, 'the leader lease could not be released');
    }
  }

  #lose(why: string): never {
    this.#lost = true;
    this.#dependencies.metrics?.leaderStatus.set({ name: this.#options.lease.name }, 0);
    throw new LeadershipLostError(`leadership lost: ${why}`);
  }

  async #tryUntilDeadline(signal: AbortSignal): Promise<void> {
    const left = this.#left();
    if (signal.aborted || left <= 0) return;
    const { clock } = this.#dependencies;
    const deadline = new AbortController();
    const timer = clock.setTimeout(() => deadline.abort(), left);
    // An abort needs no treatment of its own: the caller looks at what holds then.
    await this.#try(AbortSignal.any([signal, deadline.signal])).catch(() => false);
    clock.clearTimeout(timer);
  }

  /** One attempt to take or renew the lease; false when another holds it or the server can not be asked. */
  async #try(signal: AbortSignal): Promise<boolean> {
    const { client, logger } = this.#dependencies;
    const { identity } = this.#options;
    try {
      // A holder renews the version it wrote, without reading first; another writer's write shows as a conflict.
      if (this.#lease === undefined || this.#lease.spec?.holderIdentity !== identity) await this.#look(signal);
      const present = this.#lease;
      if (present !== undefined && !this.#mayTake(present.spec)) return false;
      const sentAt = this.#now();
      const spec = this.#specNow(present?.spec);
      const written = present
        ? await raceAbort(client.replace(leases, { ...present, spec }), signal)
        : await raceAbort(client.create(leases, { metadata: this.#options.lease, spec }), signal);
      this.#see(written);
      this.#renewedAt = sentAt;
      return true;
    } catch (error) {
      signal.throwIfAborted();
      if (isConflict(error) || isAlreadyExists(error) || isNotFound(error)) {
        await this.#look(signal).catch(() => undefined);
        logger.debug({ err: error }, 'the leader lease was written by another');
      } else {
        logger.warn({ err: error }, 'the leader lease could not be read or written');
      }
      return false;
    }
  }

  async #look(signal: AbortSignal): Promise<void> {
    try {
      this.#see(await this.#dependencies.client.get(leases, this.#options.lease, { signal }));
    } catch (error) {
      if (!isNotFound(error)) throw error;
      this.#lease = undefined;
    }
  }

  #see(lease: Lease): void {
    if (lease.metadata.resourceVersion !== this.#lease?.metadata.resourceVersion) this.#seenAt = this.#now();
    this.#lease = lease;
  }

  #mayTake(spec: LeaseSpec | undefined): boolean {
    if (!spec?.holderIdentity || spec.holderIdentity === this.#options.identity) return true;
    // Of another's lease the shorter time counts, so that we never take it too early.
    return this.#seenAt !== undefined && Math.min(...this.#elapsed(this.#seenAt)) >= this.#durationMs(spec);
  }

  /** Milliseconds until another's lease counts as expired, if nothing changes. */
  #untilFree(): number {
    if (this.#seenAt === undefined || !this.#lease?.spec?.holderIdentity) return Number.POSITIVE_INFINITY;
    const left = this.#durationMs(this.#lease.spec) - Math.min(...this.#elapsed(this.#seenAt));
    return left > 0 ? left : Number.POSITIVE_INFINITY;
  }

  #durationMs(spec: LeaseSpec): number {
    return spec.leaseDurationSeconds === undefined ? this.#options.leaseDurationMs : spec.leaseDurationSeconds * 1000;
  }

  #specNow(previous: LeaseSpec | undefined): LeaseSpec {
    const now = microTime(this.#dependencies.clock.now());
    const renewing = previous?.holderIdentity === this.#options.identity;
    return {
      holderIdentity: this.#options.identity,
      leaseDurationSeconds: Math.ceil(this.#options.leaseDurationMs / 1000),
      acquireTime: (renewing ? previous.acquireTime : undefined) ?? now,
      renewTime: now,
      leaseTransitions: (previous?.leaseTransitions ?? 0) + (renewing || previous === undefined ? 0 : 1),
    };
  }

  #pause(signal: AbortSignal, atMostMs = Number.POSITIVE_INFINITY): Promise<void> {
    const { clock, random } = this.#dependencies;
    const period = this.#options.retryPeriodMs * (1 + random() * 0.2);
    return clock.sleep(Math.max(0, Math.min(period, atMostMs)), signal);
  }

  #now(): Instant {
    const { clock } = this.#dependencies;
    return { wall: clock.now(), monotonic: clock.monotonic?.() ?? clock.now() };
  }

  /** Milliseconds since, by the wall clock (which counts a suspended machine) and by the monotonic one (which is never set). */
  #elapsed(since: Instant): readonly [number, number] {
    const now = this.#now();
    return [now.wall - since.wall, now.monotonic - since.monotonic];
  }

  /** Of a lease of ours the longer time counts, so that we never lead too long. */
  #left(): number {
    return this.#renewedAt === undefined
      ? 0
      : this.#options.renewDeadlineMs - Math.max(...this.#elapsed(this.#renewedAt));
  }
}

interface Instant {
  readonly wall: number;
  readonly monotonic: number;
}

function raceAbort<R>(work: Promise<R>, signal: AbortSignal): Promise<R> {
  const { promise, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason);
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  return Promise.race([work, promise]).finally(() => signal.removeEventListener('abort', onAbort));
}
