import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../test/faults/manual-clock.ts';
import type { Driver } from '../../drivers/driver.ts';
import { createDriverRig } from '../../drivers/dummy/driver-rig.ts';
import { DriverInstances } from './driver-instances.ts';

const never = new AbortController().signal;

/** A real driver that tells how often it was closed. */
async function driver(): Promise<Driver & { closed: number }> {
  const rig = await createDriverRig();
  const real = rig.open({});
  await rig.cleanup();
  return Object.assign(real, {
    closed: 0,
    async close(this: { closed: number }) {
      this.closed += 1;
    },
  });
}

async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

async function setUp() {
  const clock = new ManualClock();
  const instances = new DriverInstances(clock);
  const [old, next] = [await driver(), await driver()];
  await instances.replace('b', old, 1000);
  const acquire = () => instances.acquire('b', 'ns', 'normal', never);
  return { clock, instances, old, next, acquire };
}

describe('DriverInstances', () => {
  it('replaces a driver when its calls have ended, and closes it once', async () => {
    const { clock, instances, old, next, acquire } = await setUp();
    const [first, second] = [await acquire(), await acquire()];
    const replaced = instances.replace('b', next, 60_000);
    const waiting = acquire();
    first.release();
    await clock.advance(1000);
    expect(old.closed).toBe(0);
    second.release();
    await replaced;
    expect(old.closed).toBe(1);
    expect((await waiting).driver).toBe(next);
    expect(clock.pending).toBe(0);
  });

  it('waits for a call that never ends only for the given time', async () => {
    const { clock, instances, old, next, acquire } = await setUp();
    const stuck = await acquire();
    const replaced = instances.replace('b', next, 5000);
    await clock.advance(4999);
    expect(old.closed).toBe(0);
    await clock.advance(1);
    await replaced;
    expect(old.closed).toBe(1);
    const present = await acquire();
    expect(present.driver).toBe(next);
    // The stuck call ends at last: that is no news for the new driver's drain.
    stuck.release();
    const removed = instances.replace('b', undefined, 5000);
    await settle();
    expect(next.closed).toBe(0);
    present.release();
    await removed;
    expect(next.closed).toBe(1);
  });

  it('closes every driver once when replacements follow each other closely', async () => {
    const { instances, old, next, acquire } = await setUp();
    const last = await driver();
    const running = await acquire();
    const replacements = [
      instances.replace('b', next, 1000),
      instances.replace('b', undefined, 1000),
      instances.replace('b', last, 1000),
    ];
    running.release();
    await Promise.all(replacements);
    expect([old.closed, next.closed, last.closed]).toEqual([1, 1, 0]);
    expect((await acquire()).driver).toBe(last);
  });

  it('has no driver for a removed backend, also for calls that waited', async () => {
    const { instances, old, acquire } = await setUp();
    instances.limit('b', 1);
    const running = await acquire();
    const waiting = acquire();
    waiting.catch(() => undefined);
    const removed = instances.replace('b', undefined, 1000);
    running.release();
    await removed;
    expect(old.closed).toBe(1);
    expect(instances.has('b')).toBe(false);
    await expect(waiting).rejects.toMatchObject({ kind: 'Unavailable', reason: 'BackendUnavailable' });
    await expect(acquire()).rejects.toMatchObject({ kind: 'Unavailable', reason: 'BackendUnavailable' });
  });

  it('releases the slot of a call, and that of a stuck call only when it ends', async () => {
    const { clock, instances, next, acquire } = await setUp();
    instances.limit('b', 1);
    const stuck = await acquire();
    const replaced = instances.replace('b', next, 1000);
    await clock.advance(1000);
    await replaced;
    let given = false;
    const waiting = acquire().then((one) => {
      given = true;
      return one;
    });
    await settle();
    expect(given).toBe(false);
    stuck.release();
    expect((await waiting).driver).toBe(next);
  });

  it('closes the remaining drivers at the end', async () => {
    const { instances, old, next } = await setUp();
    await instances.replace('c', next, 0);
    await instances.close();
    expect([old.closed, next.closed]).toEqual([1, 1]);
    expect(instances.has('b')).toBe(false);
  });
});
