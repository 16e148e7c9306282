import { expect, test } from 'vitest';
import { InProgress } from '../errors.ts';
import { type Batch, SlicedWork } from './sliced-work.ts';

/** Work of so many steps of a second each; answers what was done. */
function stepper() {
  let now = 0;
  const sliced = new SlicedWork(
    () => new Set<number>(),
    () => now,
  );
  const run = async (steps: number, call: Partial<Batch> & { readonly id: string; readonly token?: string }) => {
    const done: (number | string)[] = [];
    const work = async (known: Set<number>, isTimeUp: () => boolean): Promise<'done' | 'more'> => {
      for (let step = 0; step < steps; step += 1) {
        if (known.has(step)) continue;
        if (isTimeUp()) return 'more';
        now += 1_000;
        known.add(step);
        done.push(step);
      }
      return 'done';
    };
    await sliced.run(batchOf(call), work).catch((error: unknown) => {
      if (!(error instanceof InProgress)) throw error;
      done.push(error.token);
    });
    return done;
  };
  const wait = (ms: number): void => {
    now += ms;
  };
  return { sliced, run, wait };
}

function batchOf({
  key = 'share',
  isRecovery = false,
  ...operation
}: Partial<Batch> & { readonly id: string; readonly token?: string }): Batch {
  return { key, operation: { attempt: 1, ...operation }, isRecovery };
}

const firstSlice = [0, 1, 2, 3, 4, 'done-5'];

test('a batch continues where the last call stopped', async () => {
  const { run } = stepper();
  expect(await run(7, { id: 'a' })).toEqual(firstSlice);
  expect(await run(7, { id: 'a', token: 'done-5' })).toEqual([5, 6]);
});

test('a batch that gets new items all the time ends nevertheless', async () => {
  const { run } = stepper();
  expect(await run(10, { id: 'a' })).toEqual(firstSlice);
  expect(await run(11, { id: 'b' })).toEqual([5, 6, 7, 8, 9, 'done-10']);
  expect(await run(12, { id: 'c' })).toEqual([10, 11]);
});

test('batches with different keys do not share what is done', async () => {
  const { run } = stepper();
  await run(7, { id: 'a' });
  expect((await run(7, { id: 'b', key: 'other' }))[0]).toBe(0);
  expect(await run(7, { id: 'a', token: 'done-5' })).toEqual([5, 6]);
});

test('a batch that is done begins again when it is requested again', async () => {
  const { run } = stepper();
  await run(2, { id: 'a' });
  expect(await run(2, { id: 'a', token: 'done-2' })).toEqual([0, 1]);
});

test.each([
  ['a batch that is called without its token', { id: 'a' }, { id: 'a' }],
  ['a recovery after a batch', { id: 'a' }, { id: 'b', isRecovery: true }],
  ['a batch after a recovery', { id: 'a', isRecovery: true }, { id: 'b' }],
])('%s begins again', async (_, first, second) => {
  const { run } = stepper();
  await run(7, first);
  expect((await run(7, second))[0]).toBe(0);
});

test('a batch begins again after more than a minute without a call', async () => {
  const { run, wait } = stepper();
  await run(7, { id: 'a' });
  wait(61_000);
  expect((await run(7, { id: 'a', token: 'done-5' }))[0]).toBe(0);
});

test('a batch that failed begins again', async () => {
  const { sliced, run } = stepper();
  await run(7, { id: 'a' });
  const failure = new Error('refused');
  const failing = sliced.run(batchOf({ id: 'a', token: 'done-5' }), () => Promise.reject(failure));
  await expect(failing).rejects.toBe(failure);
  expect((await run(7, { id: 'a', token: 'done-5' }))[0]).toBe(0);
});
