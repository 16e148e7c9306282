import type {
  CallContext,
  DriverExportLocation,
  DriverShare,
  ResizeRequest,
  ResizeResult,
  ShareCreateResult,
  ShareHealth,
  ShareRequest,
  WarningsResult,
} from '../driver.ts';
import { InProgress } from '../errors.ts';
import { uncPath } from '../kit/export-paths.ts';
import { ownerOf, ownerTag, requireOwner } from '../kit/owner.ts';
import type { Backend } from './backend.ts';
import { notFound, rejected } from './reasons.ts';
import { getServer } from './servers.ts';
import type { StoredShare } from './storage-system.ts';

export async function createShare(
  backend: Backend,
  { share, server }: ShareRequest,
  context: CallContext,
): Promise<ShareCreateResult> {
  if (server === undefined) throw rejected('ShareServerMissing', `the share ${share.name} needs a share server`);
  const { addresses } = await getServer(backend, server, context);
  if ((await findShare(backend, share, context)) === undefined) {
    // Work that takes longer than some seconds continues on the storage system; the call with its token asks again.
    if (backend.config.jobs && context.operation.token === undefined) {
      throw new InProgress({ token: share.id, pollAfter: 0 });
    }
    const owner = ownerTag(ownerOf(context));
    const stored = { owner, serverID: server.id, size: share.size, used: 0, rules: [] };
    await backend.system.saveShare(share.id, stored, context.signal);
  }
  return { identifier: `share-${share.id}`, exportLocations: locationsOf(share, addresses) };
}

/** A repeated call must not take back a size that was reached since. */
export async function extendShare(
  backend: Backend,
  { share, newSize }: ResizeRequest,
  context: CallContext,
): Promise<ResizeResult> {
  const stored = await getShare(backend, share, context);
  if (newSize > stored.size) await backend.system.saveShare(share.id, { ...stored, size: newSize }, context.signal);
  return {};
}

export async function shrinkShare(
  backend: Backend,
  { share, newSize }: ResizeRequest,
  context: CallContext,
): Promise<ResizeResult> {
  const stored = await getShare(backend, share, context);
  if (newSize < stored.used) {
    const why = `it holds ${stored.used} bytes, more than the ${newSize} wanted`;
    throw rejected('ShareShrinkingPossibleDataLoss', `the share ${share.name} can't be shrunk: ${why}`);
  }
  if (newSize < stored.size) await backend.system.saveShare(share.id, { ...stored, size: newSize }, context.signal);
  return {};
}

export async function deleteShare(
  backend: Backend,
  { share }: ShareRequest,
  context: CallContext,
): Promise<WarningsResult> {
  if ((await findShare(backend, share, context)) === undefined) return {};
  await backend.system.removeShare(share.id, context.signal);
  return {};
}

export async function ensureShare(
  backend: Backend,
  { share, server }: ShareRequest,
  context: CallContext,
): Promise<ShareHealth> {
  const stored = await findShare(backend, share, context);
  if (stored === undefined || server === undefined) return { exists: false, exportLocations: [], size: 0 };
  const { addresses } = await getServer(backend, server, context);
  return { exists: true, exportLocations: locationsOf(share, addresses), size: stored.size };
}

/** undefined when there is none. @throws DriverError `Rejected` when it is another owner's */
export async function findShare(
  { system }: Backend,
  { id, name }: DriverShare,
  context: CallContext,
): Promise<StoredShare | undefined> {
  const found = await system.share(id, context.signal);
  if (found !== undefined) requireOwner(ownerOf(context), found.owner, `the share ${name}`);
  return found;
}

/** @throws DriverError `NotFound`, or `Rejected` when it is another owner's */
export async function getShare(backend: Backend, share: DriverShare, context: CallContext): Promise<StoredShare> {
  const found = await findShare(backend, share, context);
  if (found !== undefined) return found;
  throw notFound('ShareNotFound', `the share ${share.name} is not on the storage system`);
}

function locationsOf({ id }: DriverShare, addresses: readonly string[]): readonly DriverExportLocation[] {
  // Names on the storage system come from the object's UID: names of objects are used again.
  return addresses.map((address) => ({ path: uncPath(address, `share-${id}`), address }));
}
