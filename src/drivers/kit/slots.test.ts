import { expect, test } from 'vitest';
import { eventually } from '../../../test/faults/eventually.ts';
import { Slots } from './slots.ts';

const never = new AbortController().signal;

test('so many tasks run at once, the others in the order they came', async () => {
  const slots = new Slots(2);
  const began: number[] = [];
  const ends = [0, 1, 2, 3].map(() => Promise.withResolvers<void>());
  const runs = ends.map(({ promise }, number) =>
    slots.run(async () => {
      began.push(number);
      await promise;
    }),
  );
  await Promise.resolve();
  expect(began).toEqual([0, 1]);
  ends[1]?.resolve();
  await eventually('the third has begun', () => began.length === 3);
  expect(began).toEqual([0, 1, 2]);
  for (const { resolve } of ends) resolve();
  await Promise.all(runs);
  expect(began).toEqual([0, 1, 2, 3]);
});

test('a task that fails gives its slot back', async () => {
  const slots = new Slots(1);
  await expect(slots.run(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(await slots.run(async () => 'ran')).toBe('ran');
});

test('a task whose signal aborts while it waits is not run and takes no slot', async () => {
  const slots = new Slots(1);
  const end = Promise.withResolvers<void>();
  const running = slots.run(() => end.promise);
  const abort = new AbortController();
  let ran = false;
  const waiting = slots.run(async () => {
    ran = true;
  }, abort.signal);
  const next = slots.run(async () => 'next', never);
  abort.abort(new Error('too late'));
  await expect(waiting).rejects.toThrow('too late');
  end.resolve();
  await running;
  expect(await next).toBe('next');
  expect(ran).toBe(false);
});
