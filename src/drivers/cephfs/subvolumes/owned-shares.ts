import type { CallContext, DriverShare } from '../../driver.ts';
import { ownerOf, requireOwner } from '../../kit/owner.ts';
import type { Backend } from '../backend.ts';
import { notFound } from '../reasons.ts';
import { subvolumeNameOf } from './names.ts';
import { findSubvolume, readOwner, type Subvolume, type SubvolumeAddress } from './subvolumes.ts';

/** Where the subvolume of a share is, whether it exists or not. */
export function shareAddress({ config }: Backend, share: DriverShare): SubvolumeAddress {
  return { fsName: config.fsName, group: config.group, name: subvolumeNameOf(share.id) };
}

/** undefined when there is none. @throws DriverError `Rejected` when it is another owner's */
export async function findOwnedShare(
  backend: Backend,
  share: DriverShare,
  context: CallContext,
): Promise<Subvolume | undefined> {
  const { cluster } = backend;
  const subvolume = await findSubvolume(cluster, shareAddress(backend, share), context.signal);
  if (subvolume === undefined) return undefined;
  const owner = await readOwner(cluster, subvolume, context.signal);
  // One without was made by a call that was cut off: its name is of the share's UID.
  if (owner !== undefined) requireOwner(ownerOf(context), owner, `the share ${share.name}`);
  return subvolume;
}

/** @throws DriverError `NotFound`, or `Rejected` when it is another owner's */
export async function getOwnedShare(backend: Backend, share: DriverShare, context: CallContext): Promise<Subvolume> {
  const subvolume = await findOwnedShare(backend, share, context);
  if (subvolume !== undefined) return subvolume;
  throw notFound('ShareNotInCeph', `the share ${share.name} is not on the storage system`);
}
