import { expect, test } from 'vitest';
import { DriverError } from '../errors.ts';
import { changedError, failures } from './failures.ts';

test('a changed error keeps what was not changed', () => {
  const cause = new Error('refused');
  const error = new DriverError({
    kind: 'Rejected',
    reason: 'PasswordRefused',
    message: 'no',
    detail: 'code 49',
    refusedCredentials: ['service'],
    cause,
  });
  const changed = changedError(error, { retryAfter: 30, partial: { identifier: 'a' } });
  expect(changed).toMatchObject({
    kind: 'Rejected',
    reason: 'PasswordRefused',
    message: 'no',
    detail: 'code 49',
    cause,
  });
  expect(changed).toMatchObject({ retryAfter: 30, partial: { identifier: 'a' }, refusedCredentials: ['service'] });
  expect(error.retryAfter).toBeUndefined();
});

test('a failure without a detail has none', () => {
  expect(failures.unavailable('HostBusy', 'busy', '').detail).toBeUndefined();
});
