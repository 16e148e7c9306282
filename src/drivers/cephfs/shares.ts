import type {
  CallContext,
  DriverExportLocation,
  DriverShare,
  ResizeRequest,
  ResizeResult,
  ShareCreateResult,
  ShareHealth,
  ShareRequest,
} from '../driver.ts';
import { ownerOf, ownerTag } from '../kit/owner.ts';
import { denyAll, isAccessDamaged } from './access.ts';
import type { Backend } from './backend.ts';
import { rejected, unavailable } from './reasons.ts';
import { exportLocationsOf } from './subvolumes/export-locations.ts';
import { findOwnedShare, getOwnedShare, shareAddress } from './subvolumes/owned-shares.ts';
import {
  createSubvolume,
  findSubvolume,
  removeSubvolume,
  resizeSubvolume,
  type Subvolume,
  writeOwner,
} from './subvolumes/subvolumes.ts';

/** Makes the share's subvolume, or takes up what an earlier call made; the size of one that exists stays. */
export async function createShare(
  backend: Backend,
  { share }: ShareRequest,
  context: CallContext,
): Promise<ShareCreateResult> {
  const { cluster, config } = backend;
  const { signal } = context;
  requireProtocol(share);
  const address = shareAddress(backend, share);
  const existing = await findOwnedShare(backend, share, context);
  if (existing === undefined) await createSubvolume(cluster, address, { size: share.size, mode: config.mode }, signal);
  await writeOwner(cluster, address, ownerTag(ownerOf(context)), signal);
  const subvolume = existing ?? (await findSubvolume(cluster, address, signal));
  if (subvolume === undefined) throw gone(share);
  const { fsName, group, name } = subvolume;
  return {
    identifier: `${fsName}/${group}/${name}`,
    exportLocations: await locationsOf(backend, subvolume, signal),
  };
}

/** A repeated call must not take back a size that was reached since. */
export async function extendShare(
  backend: Backend,
  { share, newSize }: ResizeRequest,
  context: CallContext,
): Promise<ResizeResult> {
  const subvolume = await getOwnedShare(backend, share, context);
  if (subvolume.size !== undefined && subvolume.size >= newSize) return {};
  await resize(backend, { share, newSize }, subvolume, context);
  return {};
}

export async function shrinkShare(
  backend: Backend,
  { share, newSize }: ResizeRequest,
  context: CallContext,
): Promise<ResizeResult> {
  const subvolume = await getOwnedShare(backend, share, context);
  if (subvolume.size !== undefined && subvolume.size <= newSize) return {};
  await resize(backend, { share, newSize }, subvolume, context);
  return {};
}

/** Denies everybody first: Ceph keeps keys of a subvolume that is gone. */
export async function deleteShare(
  backend: Backend,
  { share }: ShareRequest,
  context: CallContext,
): Promise<Record<string, never>> {
  const subvolume = await findOwnedShare(backend, share, context);
  if (subvolume === undefined) return {};
  await denyAll(backend, subvolume, context);
  await removeSubvolume(backend.cluster, subvolume, context.signal);
  return {};
}

export async function ensureShare(
  backend: Backend,
  { share }: ShareRequest,
  context: CallContext,
): Promise<ShareHealth> {
  const { signal } = context;
  const subvolume = await findOwnedShare(backend, share, context);
  if (subvolume === undefined) return { exists: false, exportLocations: [], size: 0 };
  return {
    exists: true,
    exportLocations: await locationsOf(backend, subvolume, signal),
    size: subvolume.size ?? share.size,
    reapplyAccess: await isAccessDamaged(backend, subvolume, signal),
  };
}

async function resize(
  { cluster }: Backend,
  { share, newSize }: ResizeRequest,
  subvolume: Subvolume,
  { signal }: CallContext,
): Promise<void> {
  if (subvolume.usedBytes <= newSize && (await resizeSubvolume(cluster, subvolume, newSize, signal))) return;
  const message = `the share ${share.name} can't get a size of ${newSize} bytes: it holds more data than that`;
  throw rejected('ShareShrinkingPossibleDataLoss', message);
}

async function locationsOf(
  backend: Backend,
  { path }: Subvolume,
  signal: AbortSignal,
): Promise<readonly DriverExportLocation[]> {
  return exportLocationsOf(backend.config, path, await backend.fsid(signal));
}

function requireProtocol({ name, protocol }: DriverShare): void {
  if (protocol === 'CEPHFS') return;
  throw rejected('ShareProtocolNotSupported', `the share ${name} asks for ${protocol}; this backend serves CEPHFS`);
}

function gone({ name }: DriverShare): Error {
  return unavailable('CephUnavailable', `the subvolume of share ${name} vanished while it was made`);
}
