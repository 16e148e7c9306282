import { KeyedMutex } from '../../kit/keyed-mutex.ts';

/** By cluster and id, of the whole process: two backends may be of one cluster. */
const locks = new KeyedMutex();

/**
 * Runs work that changes a cephx id, one at a time for each: what is read of its capabilities and what is written then belong
 * together.
 * @throws the signal's reason when it aborts before the work has begun
 */
export async function withAuthIDLock<Result>(
  { fsid, authID }: { readonly fsid: string; readonly authID: string },
  signal: AbortSignal,
  work: () => Promise<Result>,
): Promise<Result> {
  return await locks.run(`${fsid}/${authID}`, signal, work);
}
