import { expect, test } from 'vitest';
import { DriverError } from '../errors.ts';
import { abortedError, throwIfAborted, unlessAborted } from './abort.ts';

const aborted = (reason?: unknown): AbortSignal => AbortSignal.abort(reason);

test.each([
  ['a timeout', new DOMException('too long', 'TimeoutError'), 'OperationTimeout'],
  ['another reason', new Error('shutdown'), 'OperationAborted'],
])('%s is a failure that may pass, and names who did not finish', (_, reason, name) => {
  const error = abortedError(aborted(reason), 'host a');
  expect(error).toMatchObject({ kind: 'Unavailable', reason: name, cause: reason });
  expect(error.message).toBe('host a did not finish in the time given');
});

test('a driver error as the reason stays as it is', () => {
  const error = new DriverError({ kind: 'Unavailable', reason: 'HostBusy', message: 'busy' });
  expect(abortedError(aborted(error), 'host a')).toBe(error);
});

test('only an aborted signal throws', () => {
  throwIfAborted(new AbortController().signal, 'host a');
  expect(() => throwIfAborted(aborted(), 'host a')).toThrow('host a did not finish');
});

test('waiting ends with the work, or with the reason of the abort', async () => {
  expect(await unlessAborted(Promise.resolve('done'), new AbortController().signal)).toBe('done');
  const abort = new AbortController();
  const work = Promise.withResolvers<string>();
  const waiting = unlessAborted(work.promise, abort.signal);
  abort.abort(new Error('too late'));
  await expect(waiting).rejects.toThrow('too late');
  // Its failure is no unhandled rejection.
  work.reject(new Error('late failure'));
});
