import { abortedError, throwIfAborted } from './cluster.ts';

/** By cluster and id, of the whole process: two backends may be of one cluster. */
const tails = new Map<string, Promise<void>>();

/**
 * Runs work that changes a cephx id, one at a time for each: what is read of its capabilities and what is written then belong
 * together. In order of the calls.
 * @throws DriverError `Unavailable` when the signal aborts before it is its turn
 */
export async function withAuthIDLock<Result>(
  { fsid, authID }: { readonly fsid: string; readonly authID: string },
  signal: AbortSignal,
  work: () => Promise<Result>,
): Promise<Result> {
  throwIfAborted(signal);
  const name = `${fsid}/${authID}`;
  const before = tails.get(name) ?? Promise.resolve();
  const { promise: done, resolve: release } = Promise.withResolvers<void>();
  // Whoever gives up waiting must not let the next one past those before it.
  const tail = before.then(() => done);
  tails.set(name, tail);
  void tail.then(() => {
    if (tails.get(name) === tail) tails.delete(name);
  });
  try {
    await untilAborted(before, signal);
    return await work();
  } finally {
    release();
  }
}

async function untilAborted(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  const aborted = Promise.withResolvers<never>();
  const abort = (): void => aborted.reject(abortedError(signal));
  signal.addEventListener('abort', abort, { once: true });
  try {
    await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
