import { expect, test } from 'vitest';
import { eventually } from '../../../test/faults/eventually.ts';
import { CommandSlots } from './command-slots.ts';

const never = new AbortController().signal;

test('so many commands run at once, the others in the order they came', async () => {
  const slots = new CommandSlots(2);
  const began: number[] = [];
  const ends = [0, 1, 2, 3].map(() => Promise.withResolvers<void>());
  const runs = ends.map(({ promise }, number) =>
    slots.run(never, async () => {
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

test('a command that fails gives its slot back', async () => {
  const slots = new CommandSlots(1);
  await expect(slots.run(never, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(await slots.run(never, async () => 'ran')).toBe('ran');
});

test('a command whose signal aborts while it waits is not run and takes no slot', async () => {
  const slots = new CommandSlots(1);
  const end = Promise.withResolvers<void>();
  const running = slots.run(never, () => end.promise);
  const abort = new AbortController();
  let ran = false;
  const waiting = slots.run(abort.signal, async () => {
    ran = true;
  });
  const next = slots.run(never, async () => 'next');
  abort.abort(new Error('too late'));
  await expect(waiting).rejects.toThrow('too late');
  end.resolve();
  await running;
  expect(await next).toBe('next');
  expect(ran).toBe(false);
});
