import { beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../../test/faults/manual-clock.ts';
import { ApiError } from './api-error.ts';
import type { KubeObject } from './kube-object.ts';
import { LeaderElector, LeadershipLostError } from './leader-election.ts';
import { createLogger } from './logger.ts';

interface Lease extends KubeObject {
  readonly spec?: { readonly holderIdentity?: string; readonly leaseTransitions?: number };
}

/** One Lease as the API server keeps it. */
class LeaseStore {
  lease: Lease | undefined;
  writes = 0;
  /** Answers of the server, for whoever asks. */
  failure: 'refused' | 'silence' | undefined;
  #version = 0;

  async #answer<R>(answer: () => R): Promise<R> {
    if (this.failure === 'silence') return new Promise<R>(() => {});
    if (this.failure) throw error(500, 'InternalError');
    return answer();
  }

  get = <T extends KubeObject>(): Promise<T> =>
    this.#answer(() => {
      if (this.lease === undefined) throw error(404, 'NotFound');
      // Only Leases are asked for here, which the generic signature of the client can not say.
      return this.lease as unknown as T;
    });

  create = <T extends KubeObject>(_type: unknown, object: T): Promise<T> =>
    this.#answer(() => {
      if (this.lease) throw error(409, 'AlreadyExists');
      return this.#store(object);
    });

  replace = <T extends KubeObject>(_type: unknown, object: T): Promise<T> =>
    this.#answer(() => {
      if (object.metadata.resourceVersion !== this.lease?.metadata.resourceVersion) throw error(409, 'Conflict');
      return this.#store(object);
    });

  #store<T extends KubeObject>(object: T): T {
    this.writes++;
    const stored = { ...object, metadata: { ...object.metadata, resourceVersion: String(++this.#version) } };
    this.lease = stored;
    return stored;
  }
}

function error(status: number, reason: string): ApiError {
  return new ApiError({ method: 'PUT', path: '/lease', status, reason });
}

describe('leader election', () => {
  let clock: ManualClock;
  let store: LeaseStore;
  let stop: AbortController;

  beforeEach(() => {
    clock = new ManualClock();
    store = new LeaseStore();
    stop = new AbortController();
  });

  const elector = (identity: string, ownClock = clock) =>
    new LeaderElector(
      { lease: { namespace: 'a', name: 'lease' }, identity },
      {
        client: store,
        logger: createLogger({ level: 'silent', format: 'json' }),
        clock: ownClock,
        random: Math.random,
      },
    );

  async function settled(promise: Promise<unknown>): Promise<boolean> {
    return Promise.race([promise.then(() => true), new Promise<false>((resolve) => setImmediate(resolve, false))]);
  }

  it('takes a free lease at once and renews it every two seconds', async () => {
    const one = elector('one');
    await one.acquire(stop.signal);
    void one.keep(stop.signal);
    await clock.advance(60_000);
    expect(one.leading).toBe(true);
    expect(store.writes).toBeGreaterThanOrEqual(25);
    expect(store.writes).toBeLessThanOrEqual(31);
    stop.abort();
  });

  it('takes the lease of a dead leader only after its whole duration', async () => {
    await elector('dead').acquire(stop.signal);
    const two = elector('two');
    const acquired = two.acquire(stop.signal);
    await clock.advance(14_900);
    expect(await settled(acquired)).toBe(false);
    await clock.advance(3_000);
    expect(await settled(acquired)).toBe(true);
    expect(store.lease?.spec).toMatchObject({ holderIdentity: 'two', leaseTransitions: 1 });
  });

  it('never takes the lease of a leader that renews, whatever its clock says', async () => {
    const one = elector('one');
    await one.acquire(stop.signal);
    void one.keep(stop.signal);
    const two = elector('two');
    const acquired = two.acquire(stop.signal);
    await clock.advance(5 * 60_000);
    expect(await settled(acquired)).toBe(false);
    stop.abort();
    await expect(acquired).rejects.toThrow();
  });

  for (const failure of ['refused', 'silence'] as const) {
    it(`gives up at the renew deadline when the server answers with ${failure}, before another may take over`, async () => {
      const one = elector('one');
      await one.acquire(stop.signal);
      const lost = one.keep(stop.signal).catch((reason) => reason);
      store.failure = failure;
      await clock.advance(9_900);
      expect(one.leading).toBe(true);
      await clock.advance(200);
      expect(one.leading).toBe(false);
      expect(await lost).toBeInstanceOf(LeadershipLostError);
      expect(one.remainingMs).toBeGreaterThan(4_000);
    });
  }

  it('does not lead after the process stood still, even before any timer ran', async () => {
    const one = elector('one');
    await one.acquire(stop.signal);
    expect(one.leading).toBe(true);
    await clock.advance(20_000);
    expect(one.leading).toBe(false);
    expect(one.lost).toBe(true);
  });

  it('stops as soon as another holder is seen', async () => {
    const one = elector('one');
    await one.acquire(stop.signal);
    const lost = one.keep(stop.signal).catch((reason) => reason);
    const taken = await store.get<Lease>();
    await store.replace({}, { ...taken, spec: { ...taken.spec, holderIdentity: 'thief' } });
    await clock.advance(5_000);
    expect(await lost).toBeInstanceOf(LeadershipLostError);
    expect(one.remainingMs).toBe(0);
  });

  it('recovers a renewal that was stored though its answer was lost', async () => {
    const one = elector('one');
    await one.acquire(stop.signal);
    void one.keep(stop.signal);
    const stored = await store.get<Lease>();
    await store.replace({}, stored);
    await clock.advance(30_000);
    expect(one.leading).toBe(true);
    stop.abort();
  });

  it('releases the lease for the next one to take at once', async () => {
    const one = elector('one');
    await one.acquire(stop.signal);
    await one.release();
    expect(one.leading).toBe(false);
    const two = elector('two');
    await two.acquire(stop.signal);
    expect(two.leading).toBe(true);
  });
});
