import { expect, test } from 'vitest';
import type { CallContext } from '../driver.ts';
import { DriverError, InProgress } from '../errors.ts';
import { LongWork } from './long-work.ts';

const target = { key: 'server', token: 'at-a', who: 'host a' };

const context = (
  id: string,
  signal: AbortSignal = new AbortController().signal,
): Pick<CallContext, 'operation' | 'signal'> => ({
  operation: { id, attempt: 1 },
  signal,
});

/** Work that ends when told, and counts how often it was begun. */
function work() {
  const end = Promise.withResolvers<string>();
  const signals: AbortSignal[] = [];
  return {
    end,
    signals,
    begin: (signal: AbortSignal): Promise<string> => {
      signals.push(signal);
      return end.promise;
    },
  };
}

test('quick work is answered at once', async () => {
  expect(await new LongWork<string>().run(target, context('1'), async () => 'done')).toBe('done');
});

test('the next call of an operation takes up what the one before began', async () => {
  const long = new LongWork<string>(1);
  const { end, signals, begin } = work();
  const error: unknown = await long.run(target, context('1'), begin).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(InProgress);
  expect(error).toMatchObject({ token: 'at-a', pollAfter: 0.5 });
  end.resolve('done');
  expect(await long.run(target, context('1'), begin)).toBe('done');
  expect(signals).toHaveLength(1);
  expect(await long.run(target, context('1'), async () => 'again')).toBe('again');
});

test('the next call gets a failure between two calls, and the one after begins again', async () => {
  const long = new LongWork<string>(1);
  const { end, begin } = work();
  await expect(long.run(target, context('1'), begin)).rejects.toBeInstanceOf(InProgress);
  end.reject(new DriverError({ kind: 'Rejected', reason: 'PasswordRefused', message: 'no' }));
  await expect(long.run(target, context('1'), begin)).rejects.toMatchObject({ reason: 'PasswordRefused' });
  expect(await long.run(target, context('1'), async () => 'again')).toBe('again');
});

test('another operation on the same server ends the one before', async () => {
  const long = new LongWork<string>(1);
  const { signals, begin } = work();
  await expect(long.run(target, context('1'), begin)).rejects.toBeInstanceOf(InProgress);
  expect(await long.run({ ...target, key: 'other' }, context('2'), async () => 'not in its way')).toBe(
    'not in its way',
  );
  expect(signals[0]?.aborted).toBe(false);
  expect(await long.run(target, context('2'), async () => 'new')).toBe('new');
  expect(signals[0]?.aborted).toBe(true);
});

test('when the signal of a call aborts the work is given up, and begun again by the next call', async () => {
  const long = new LongWork<string>();
  const { signals, begin } = work();
  const abort = new AbortController();
  const call = long.run(target, context('1', abort.signal), begin);
  abort.abort(new DOMException('too long', 'TimeoutError'));
  await expect(call).rejects.toMatchObject({
    kind: 'Unavailable',
    reason: 'OperationTimeout',
    message: 'host a did not finish in the time given',
  });
  expect(signals[0]?.aborted).toBe(true);
  expect(await long.run(target, context('1'), async () => 'again')).toBe('again');
});
