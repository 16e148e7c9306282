import { expect, test } from 'vitest';
import { asDriverError, DriverError, InProgress } from './errors.ts';

const failure = { kind: 'Rejected', reason: 'NoSpace', message: 'the pool is full' } as const;

/** As a driver has them that comes in a file of its own. */
async function otherCopy(): Promise<typeof import('./errors.ts')> {
  const specifier = './errors.ts?copy';
  return await import(specifier);
}

test('what a driver with its own copy of the error classes throws counts as thrown by one of ours', async () => {
  const other = await otherCopy();
  expect(other.DriverError).not.toBe(DriverError);
  const thrown = new other.DriverError(failure);
  expect(thrown instanceof DriverError).toBe(true);
  expect(asDriverError(thrown)).toBe(thrown);
  expect(new other.InProgress({ token: 'job-1', pollAfter: 1 }) instanceof InProgress).toBe(true);
});

test('nothing else does', async () => {
  const other = await otherCopy();
  const lookalike = Object.assign(new Error('the pool is full'), { name: 'DriverError', ...failure });
  for (const thrown of [lookalike, failure, undefined, new other.InProgress({ token: 'job-1', pollAfter: 1 })]) {
    expect(thrown instanceof DriverError).toBe(false);
    expect(asDriverError(thrown)).toMatchObject({ kind: 'Internal', reason: 'DriverFault' });
  }
  expect(new other.DriverError(failure) instanceof InProgress).toBe(false);
});

test('a class that extends DriverError knows its own', () => {
  class PoolError extends DriverError {}
  expect(new PoolError(failure) instanceof DriverError).toBe(true);
  expect(new PoolError(failure) instanceof PoolError).toBe(true);
  expect(new DriverError(failure) instanceof PoolError).toBe(false);
});
