import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FairSlots, type SlotPriority } from './fair-slots.ts';

const never = new AbortController().signal;

async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

/** One taken place, and those who wait for it, in the order in which they ask. */
async function serve(asking: readonly (readonly [name: string, namespace: string, priority?: SlotPriority])[]) {
  const slots = new FairSlots(1);
  const first = await slots.acquire('other', 'normal', never);
  const order: string[] = [];
  const served = asking.map(async ([name, namespace, priority = 'normal']) => {
    const release = await slots.acquire(namespace, priority, never);
    order.push(name);
    release();
  });
  first();
  await Promise.all(served);
  return order;
}

describe('FairSlots', () => {
  it('lets namespaces take turns, each in its own order', async () => {
    const order = await serve([
      ['a1', 'a'],
      ['a2', 'a'],
      ['a3', 'a'],
      ['b1', 'b'],
      ['c1', 'c'],
      ['b2', 'b'],
    ]);
    expect(order).toEqual(['a1', 'b1', 'c1', 'a2', 'b2', 'a3']);
  });

  it('serves urgent ones before everything else, they too in turns', async () => {
    const order = await serve([
      ['grant', 'a'],
      ['urgent a1', 'a', 'urgent'],
      ['urgent a2', 'a', 'urgent'],
      ['urgent b1', 'b', 'urgent'],
    ]);
    expect(order).toEqual(['urgent a1', 'urgent b1', 'urgent a2', 'grant']);
  });

  it('lets something else have a turn after some urgent ones, so that one tenant can not stop the others with them', async () => {
    const urgent = Array.from({ length: 9 }, (_, index): [string, string, SlotPriority] => [
      `d${index}`,
      'a',
      'urgent',
    ]);
    const order = await serve([['b1', 'b'], ['c1', 'c'], ...urgent]);
    expect(order).toEqual(['d0', 'd1', 'd2', 'd3', 'b1', 'd4', 'd5', 'd6', 'd7', 'c1', 'd8']);
  });

  it('keeps the last of several places for other namespaces, whatever the priority', async () => {
    const slots = new FairSlots(3);
    const given: string[] = [];
    const releases: (() => void)[] = [];
    const ask = (name: string, namespace: string, priority: SlotPriority = 'normal'): void => {
      void slots.acquire(namespace, priority, never).then((release) => {
        given.push(name);
        releases.push(release);
      });
    };
    for (const name of ['a1', 'a2', 'a3']) ask(name, 'a');
    ask('a4', 'a', 'urgent');
    await settle();
    expect(given).toEqual(['a1', 'a2']);
    ask('b1', 'b');
    await settle();
    expect(given).toEqual(['a1', 'a2', 'b1']);
    releases[2]?.();
    await settle();
    expect(given).toHaveLength(3);
    releases[0]?.();
    await settle();
    expect(given).toEqual(['a1', 'a2', 'b1', 'a4']);
  });

  it('gives new places at once when there are more, and none until enough came back when there are fewer', async () => {
    const slots = new FairSlots(1);
    const given: (() => void)[] = [];
    for (const namespace of ['a', 'b', 'c', 'd']) {
      slots.acquire(namespace, 'normal', never).then((release) => given.push(release));
    }
    await settle();
    expect(given).toHaveLength(1);
    slots.resize(3);
    await settle();
    expect(given).toHaveLength(3);
    slots.resize(1);
    for (const release of given.slice(0, 2)) release();
    await settle();
    expect(given).toHaveLength(3);
    given[2]?.();
    await settle();
    expect(given).toHaveLength(4);
  });

  it('passes over one who gave up', async () => {
    const slots = new FairSlots(1);
    const first = await slots.acquire('a', 'normal', never);
    const abort = new AbortController();
    const impatient = slots.acquire('a', 'normal', abort.signal);
    const patient = slots.acquire('a', 'normal', never);
    abort.abort(new Error('enough'));
    await expect(impatient).rejects.toThrow('enough');
    await expect(slots.acquire('a', 'normal', abort.signal)).rejects.toThrow('enough');
    first();
    (await patient)();
  });

  it('counts a place that is given back twice once', async () => {
    const slots = new FairSlots(1);
    const first = await slots.acquire('a', 'normal', never);
    first();
    first();
    await slots.acquire('a', 'normal', never);
    let second = false;
    void slots.acquire('a', 'normal', never).then(() => {
      second = true;
    });
    await settle();
    expect(second).toBe(false);
  });

  it('never gives more places than there are, and gives all that are left for one that waits', async () => {
    const action = fc.oneof(
      fc.record({
        kind: fc.constant('acquire' as const),
        namespace: fc.constantFrom('a', 'b', 'c'),
        priority: fc.constantFrom<SlotPriority>('urgent', 'normal'),
      }),
      fc.record({ kind: fc.constant('release' as const), index: fc.nat() }),
      fc.record({ kind: fc.constant('abort' as const), index: fc.nat() }),
      fc.record({ kind: fc.constant('resize' as const), limit: fc.integer({ min: 1, max: 4 }) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 40 }), async (actions) => {
        let limit = 2;
        const slots = new FairSlots(limit);
        const taken: { readonly namespace: string; readonly release: () => void }[] = [];
        const waiting = new Map<AbortController, string>();
        const held = (namespace: string): number => taken.filter((one) => one.namespace === namespace).length;
        for (const step of actions) {
          // Fewer places take effect as calls end: until then the old number may be exceeded by none.
          const before = taken.length;
          const heldBefore = new Map(['a', 'b', 'c'].map((namespace) => [namespace, held(namespace)]));
          if (step.kind === 'acquire') {
            const abort = new AbortController();
            const { namespace } = step;
            waiting.set(abort, namespace);
            slots.acquire(namespace, step.priority, abort.signal).then(
              (release) => {
                waiting.delete(abort);
                taken.push({ namespace, release });
              },
              () => waiting.delete(abort),
            );
          } else if (step.kind === 'release') {
            const [one] = taken.splice(step.index % Math.max(1, taken.length), 1);
            one?.release();
          } else if (step.kind === 'abort') {
            [...waiting.keys()][step.index % Math.max(1, waiting.size)]?.abort(new Error('given up'));
          } else {
            limit = step.limit;
            slots.resize(limit);
          }
          await settle();
          expect(taken.length).toBeLessThanOrEqual(Math.max(limit, before));
          const most = Math.max(1, limit - 1);
          for (const [namespace, count] of heldBefore) {
            expect(held(namespace)).toBeLessThanOrEqual(Math.max(most, count));
          }
          const servable = [...waiting.values()].some((namespace) => held(namespace) < most);
          if (servable) expect(taken.length).toBeGreaterThanOrEqual(limit);
        }
      }),
      { numRuns: 100 },
    );
  });
});
