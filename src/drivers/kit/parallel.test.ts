import { expect, test } from 'vitest';
import { inParallel } from './parallel.ts';

const numbers = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

/** Work that is held until it is opened, which notes what has begun. */
function held(fails: (item: number) => boolean = () => false) {
  const gate = Promise.withResolvers<void>();
  const begun: number[] = [];
  let running = 0;
  return {
    begun,
    open: () => gate.resolve(),
    running: () => running,
    work: async (item: number) => {
      begun.push(item);
      running += 1;
      if (!fails(item)) await gate.promise;
      running -= 1;
      if (fails(item)) throw new Error(`item ${item}`);
    },
  };
}

test('every item is worked on once, four at a time', async () => {
  const { begun, open, work } = held();
  const end = inParallel(numbers(10), work);
  expect(begun).toEqual([0, 1, 2, 3]);
  open();
  expect(await end).toBe('done');
  expect(begun).toEqual(numbers(10));
});

test('a failure is thrown when what runs beside it has ended, and nothing is begun after it', async () => {
  const { begun, open, running, work } = held((item) => item === 1);
  const end = inParallel(numbers(10), work);
  const failed = end.then(
    () => undefined,
    (error: unknown) => ({ error, running: running() }),
  );
  open();
  expect(await failed).toEqual({ error: new Error('item 1'), running: 0 });
  expect(begun).toEqual([0, 1, 2, 3]);
});

test('when time is up the rest is left', async () => {
  const { begun, open, work } = held();
  open();
  expect(await inParallel(numbers(10), work, { isTimeUp: () => begun.length >= 6 })).toBe('more');
  expect(begun).toEqual(numbers(6));
});

test('the width says how many are worked on at once', async () => {
  const { begun, open, work } = held();
  const end = inParallel(numbers(10), work, { width: 2 });
  expect(begun).toEqual([0, 1]);
  open();
  expect(await end).toBe('done');
});
