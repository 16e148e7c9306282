import { expect, test } from 'vitest';
import { ManualClock } from '../../../test/faults/manual-clock.ts';
import { Attempts } from './attempts.ts';

test('counts the attempts of an operation until it ends', () => {
  const attempts = new Attempts(new ManualClock());
  expect([attempts.begin('a'), attempts.begin('a'), attempts.begin('b')]).toEqual([1, 2, 1]);
  attempts.end('a');
  expect([attempts.begin('a'), attempts.begin('b')]).toEqual([1, 2]);
});

test('forgets operations that were not retried for an hour, and keeps the others', async () => {
  const clock = new ManualClock();
  const attempts = new Attempts(clock);
  for (const id of ['lost', 'retried']) attempts.begin(id);
  await clock.advance(3_000_000);
  attempts.retry('retried');
  await clock.advance(600_001);
  expect(attempts.begin('new')).toBe(1);
  expect(attempts.size).toBe(2);
  expect([attempts.begin('retried'), attempts.begin('lost')]).toEqual([2, 1]);
});
