import { expect, test } from 'vitest';
import { KeyedMutex } from './keyed-mutex.ts';

const never = new AbortController().signal;

test('work with one key runs one after the other, in order, also after a failure', async () => {
  const mutex = new KeyedMutex();
  const events: string[] = [];
  const work = (name: string, failure?: Error) => async (): Promise<void> => {
    events.push(`${name} begins`);
    await new Promise((resolve) => setImmediate(resolve));
    events.push(`${name} ends`);
    if (failure !== undefined) throw failure;
  };
  await Promise.allSettled([
    mutex.run('a', never, work('first', new Error('refused'))),
    mutex.run('a', never, work('second')),
    mutex.run('a', never, work('third')),
  ]);
  expect(events).toEqual(['first', 'second', 'third'].flatMap((name) => [`${name} begins`, `${name} ends`]));
});

test('work with another key does not wait', async () => {
  const mutex = new KeyedMutex();
  const first = Promise.withResolvers<void>();
  const running = mutex.run('a', never, () => first.promise);
  await mutex.run('b', never, async () => {});
  first.resolve();
  await running;
});

test('a caller that gives up does not let the next one start before its turn', async () => {
  const mutex = new KeyedMutex();
  const first = Promise.withResolvers<void>();
  const running = mutex.run('a', never, () => first.promise);
  const abort = new AbortController();
  const waiting = mutex.run('a', abort.signal, async () => {});
  let entered = false;
  const last = mutex.run('a', never, async () => {
    entered = true;
  });
  abort.abort(new Error('too late'));
  await expect(waiting).rejects.toThrow('too late');
  await new Promise((resolve) => setImmediate(resolve));
  expect(entered).toBe(false);
  first.resolve();
  await Promise.all([running, last]);
  expect(entered).toBe(true);
});

test('an aborted call does not begin', async () => {
  const mutex = new KeyedMutex();
  const call = mutex.run('a', AbortSignal.abort(), async () => expect.unreachable());
  await expect(call).rejects.toThrow('aborted');
});
