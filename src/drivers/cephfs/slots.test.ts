import { expect, test } from 'vitest';
import { Slots } from './slots.ts';

test('so many tasks run at a time, the others in the order they came', async () => {
  const slots = new Slots(2);
  const started: number[] = [];
  const gates = [0, 1, 2, 3].map(() => Promise.withResolvers<void>());
  const runs = gates.map(({ promise }, index) =>
    slots.run(() => {
      started.push(index);
      return promise;
    }),
  );
  await Promise.resolve();
  expect(started).toEqual([0, 1]);
  gates[1]?.resolve();
  await runs[1];
  await Promise.resolve();
  expect(started).toEqual([0, 1, 2]);
  for (const { resolve } of gates) resolve();
  await Promise.all(runs);
  expect(started).toEqual([0, 1, 2, 3]);
});

test('a task that fails gives its place to the next', async () => {
  const slots = new Slots(1);
  const failing = slots.run(() => Promise.reject(new Error('as the test means it')));
  const next = slots.run(async () => {});
  await expect(failing).rejects.toThrow('as the test means it');
  await next;
});
