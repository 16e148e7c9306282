import { expect, test } from 'vitest';
import { withAuthIDLock } from './auth-id-locks.ts';

const never = new AbortController().signal;
const alice = { fsid: 'cluster', authID: 'alice' };

test('work on one id runs one after the other, in order, also after a failure', async () => {
  const events: string[] = [];
  const work = (name: string, failure?: Error) => async (): Promise<void> => {
    events.push(`${name} begins`);
    await new Promise((resolve) => setImmediate(resolve));
    events.push(`${name} ends`);
    if (failure !== undefined) throw failure;
  };
  await Promise.allSettled([
    withAuthIDLock(alice, never, work('first', new Error('refused'))),
    withAuthIDLock(alice, never, work('second')),
    withAuthIDLock(alice, never, work('third')),
  ]);
  expect(events).toEqual(['first', 'second', 'third'].flatMap((name) => [`${name} begins`, `${name} ends`]));
});

test('work on other ids and on other clusters does not wait', async () => {
  const first = Promise.withResolvers<void>();
  const running = withAuthIDLock(alice, never, () => first.promise);
  await withAuthIDLock({ ...alice, authID: 'bob' }, never, async () => {});
  await withAuthIDLock({ ...alice, fsid: 'other' }, never, async () => {});
  first.resolve();
  await running;
});

test('who gives up waiting does not let the next one in before its turn', async () => {
  const first = Promise.withResolvers<void>();
  const running = withAuthIDLock(alice, never, () => first.promise);
  const abort = new AbortController();
  const waiting = withAuthIDLock(alice, abort.signal, async () => {});
  let entered = false;
  const last = withAuthIDLock(alice, never, async () => {
    entered = true;
  });
  abort.abort();
  await expect(waiting).rejects.toMatchObject({ kind: 'Unavailable', reason: 'OperationAborted' });
  await new Promise((resolve) => setImmediate(resolve));
  expect(entered).toBe(false);
  first.resolve();
  await Promise.all([running, last]);
  expect(entered).toBe(true);
});

test('an aborted call does not begin', async () => {
  const call = withAuthIDLock(alice, AbortSignal.abort(), async () => expect.unreachable());
  await expect(call).rejects.toMatchObject({ kind: 'Unavailable' });
});
