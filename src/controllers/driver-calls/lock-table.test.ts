import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type LockMode, type LockRequest, LockTable } from './lock-table.ts';

const never = new AbortController().signal;

/** Lets every promise settle that can settle without the outside. */
async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

/** Asks for locks and notes in `order` when they were given. */
function ask(table: LockTable, name: string, order: string[], requests: readonly LockRequest[], signal = never) {
  return table.acquire(requests, signal).then((release) => {
    order.push(name);
    return release;
  });
}

function lock(mode: LockMode, key = 'k'): readonly LockRequest[] {
  return [{ key, mode }];
}

describe('LockTable', () => {
  it('grants a lock to many shared holders, or to one exclusive holder', async () => {
    const table = new LockTable();
    const order: string[] = [];
    const first = await ask(table, 'shared 1', order, lock('shared'));
    const second = await ask(table, 'shared 2', order, lock('shared'));
    const alone = ask(table, 'exclusive', order, lock('exclusive'));
    first();
    await settle();
    expect(order).toEqual(['shared 1', 'shared 2']);
    second();
    (await alone)();
    expect(order).toEqual(['shared 1', 'shared 2', 'exclusive']);
  });

  it('lets later shared requests wait behind an exclusive one, so that it is not starved', async () => {
    const table = new LockTable();
    const order: string[] = [];
    const holder = await ask(table, 'holder', order, lock('shared'));
    const alone = ask(table, 'exclusive', order, lock('exclusive'));
    const late = [1, 2].map((number) => ask(table, `late ${number}`, order, lock('shared')));
    await settle();
    expect(order).toEqual(['holder']);
    holder();
    const release = await alone;
    await settle();
    expect(order).toEqual(['holder', 'exclusive']);
    release();
    await Promise.all(late);
    expect(order).toEqual(['holder', 'exclusive', 'late 1', 'late 2']);
  });

  it('holds nothing for a waiter that aborts, and grants the lock to the next ones', async () => {
    const table = new LockTable();
    const order: string[] = [];
    const holder = await ask(table, 'holder', order, lock('shared', 'b'));
    const abort = new AbortController();
    const impatient = table.acquire([...lock('exclusive', 'a'), ...lock('exclusive', 'b')], abort.signal);
    await settle();
    const behind = ask(table, 'behind', order, lock('shared', 'b'));
    await settle();
    expect(table.isHeld('a')).toBe(true);
    abort.abort(new Error('enough'));
    await expect(impatient).rejects.toThrow('enough');
    expect(table.isHeld('a')).toBe(false);
    (await behind)();
    holder();
    expect(table.isHeld('b')).toBe(false);
  });

  it('acquires nothing for a signal that is already aborted', async () => {
    const table = new LockTable();
    await expect(table.acquire(lock('shared'), AbortSignal.abort(new Error('gone')))).rejects.toThrow('gone');
    expect(table.isHeld('k')).toBe(false);
  });

  it('releases once, however often release is called', async () => {
    const table = new LockTable();
    const first = await table.acquire(lock('shared'), never);
    const second = await table.acquire(lock('shared'), never);
    first();
    first();
    expect(table.isHeld('k')).toBe(true);
    second();
    expect(table.isHeld('k')).toBe(false);
  });

  it('keeps exclusion, never deadlocks and leaves nothing behind, whatever is acquired, released and aborted', async () => {
    const request = fc.record({
      key: fc.constantFrom('a', 'b', 'c'),
      mode: fc.constantFrom<LockMode>('shared', 'exclusive'),
    });
    const requests = fc.uniqueArray(request, { selector: ({ key }) => key, minLength: 1, maxLength: 3 });
    const action = fc.oneof(
      fc.record({ kind: fc.constant('acquire' as const), requests }),
      fc.record({ kind: fc.constantFrom('release' as const, 'abort' as const), index: fc.nat() }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 40 }), async (actions) => {
        const table = new LockTable();
        const holders = new Map<number, { readonly requests: readonly LockRequest[]; readonly release: () => void }>();
        const waiting = new Map<number, AbortController>();
        const pick = <V>(map: Map<number, V>, index: number): [number, V] | undefined =>
          [...map][index % Math.max(1, map.size)];
        let id = 0;
        for (const step of actions) {
          if (step.kind === 'acquire') {
            const own = id++;
            const abort = new AbortController();
            waiting.set(own, abort);
            table.acquire(step.requests, abort.signal).then(
              (release) => {
                waiting.delete(own);
                holders.set(own, { requests: step.requests, release });
              },
              () => waiting.delete(own),
            );
          } else if (step.kind === 'release') {
            const holder = pick(holders, step.index);
            if (holder !== undefined) {
              holders.delete(holder[0]);
              holder[1].release();
            }
          } else {
            pick(waiting, step.index)?.[1].abort(new Error('given up'));
          }
          await settle();
          const held = [...holders.values()].flatMap((holder) => holder.requests);
          for (const key of ['a', 'b', 'c']) {
            const modes = held.filter((one) => one.key === key).map(({ mode }) => mode);
            if (modes.includes('exclusive')) expect(modes).toEqual(['exclusive']);
            if (modes.length > 0) expect(table.isHeld(key)).toBe(true);
          }
          // If no caller held all of its locks, waiting callers would wait forever.
          if (holders.size === 0) expect(waiting.size).toBe(0);
        }
        while (holders.size > 0) {
          for (const [own, { release }] of [...holders]) {
            holders.delete(own);
            release();
          }
          await settle();
        }
        expect(waiting.size).toBe(0);
        for (const key of ['a', 'b', 'c']) expect(table.isHeld(key)).toBe(false);
      }),
      { numRuns: 100 },
    );
  });
});
