import type { CallContext } from '../../driver.ts';
import { ownerOf, ownerTag } from '../../kit/owner.ts';
import {
  type Caps,
  type CapsTarget,
  capsWithout,
  exceedsShares,
  grantedLevel,
  grantedShares,
  grantsShare,
  lostTarget,
} from '../auth/caps.ts';
import { readCaps, removeEntity, repairCaps, writeCaps } from '../auth/entities.ts';
import { withAuthIDLock } from '../auth/id-locks.ts';
import type { Backend } from '../backend.ts';
import { unavailable } from '../reasons.ts';
import { authorize, deauthorize, type SubvolumeAddress } from '../subvolumes/subvolumes.ts';
import { evict } from './evict.ts';
import { type AccessScope, isOnlyForTenant } from './scope.ts';

/** Takes an id off the share and throws out its clients. An id that is not the tenant's is left alone. */
export function denyAccess(scope: AccessScope, authID: string): Promise<void> {
  const { backend, share, authorized, fsid, context } = scope;
  const { cluster } = backend;
  const { signal } = context;
  return withAuthIDLock({ fsid, authID }, signal, async () => {
    const recorded = authorized.has(authID) || (await isRecordedAgain(scope, authID));
    if (!(await deauthorize(cluster, share, authID, signal))) await deauthorizeInconsistent(scope, authID);
    const left = await readCaps(cluster, authID, signal);
    if (left !== undefined && recorded) await stripCaps(scope, authID, left);
    if (left !== undefined && left.mon === undefined) await repairMonCaps(scope, authID);
    await evict(scope, share, authID, recorded);
  });
}

/**
 * Takes an id off a share whose subvolume someone removed. Ceph has left the id what it had, and its key would be handed out
 * again with the next share that the id is authorized on.
 */
export async function denyLost(
  backend: Backend,
  address: SubvolumeAddress,
  authID: string,
  context: CallContext,
): Promise<void> {
  const { cluster } = backend;
  const { signal } = context;
  await withAuthIDLock({ fsid: await backend.fsid(signal), authID }, signal, async () => {
    const caps = await readCaps(cluster, authID, signal);
    const share = caps === undefined ? undefined : lostTarget(caps, address);
    if (caps !== undefined && share !== undefined) await stripCaps({ backend, share, context }, authID, caps);
    const { fsName, group, name } = address;
    const lost = { fsName, name, path: `/volumes/${group}/${name}` };
    await evict({ backend, context, tenantID: ownerTag(ownerOf(context)) }, lost, authID, share !== undefined);
  });
}

/**
 * A manager that is killed while it writes its record of the share leaves that empty: it would then leave the id its access.
 * Authorizing the id again writes the record again, unless the id is someone else's. Where the record of the id was lost as well,
 * it counts as the tenant's when it has access to nothing but the tenant's shares: whether a denial takes effect must not depend on luck.
 */
async function isRecordedAgain(scope: AccessScope, authID: string): Promise<boolean> {
  const { backend, share, tenantID, context } = scope;
  const caps = await readCaps(backend.cluster, authID, context.signal);
  if (caps === undefined || !grantsShare(caps, share)) return false;
  const level = grantedLevel(caps, share) ?? 'r';
  const { outcome } = await authorize(backend.cluster, share, { authID, level, tenantID }, context.signal);
  if (outcome === 'foreign') return await isOnlyForTenant(scope, caps);
  return outcome === 'granted' || outcome === 'inconsistent';
}

/**
 * Ceph fails for an id with only a part of the share's capabilities, and once where a manager was killed before it had noted the
 * id with the share. Its record of the id names the share in both cases.
 */
async function deauthorizeInconsistent({ backend, share, context }: AccessScope, authID: string): Promise<void> {
  const { cluster } = backend;
  const { signal } = context;
  const caps = await readCaps(cluster, authID, signal);
  const others = caps === undefined ? undefined : capsWithout(caps, share);
  if (caps !== undefined) await writeCaps(cluster, authID, others ?? { mon: 'allow r' }, signal);
  if (!(await deauthorize(cluster, share, authID, signal))) {
    throw unavailable('CephRejected', `Ceph does not take the cephx id ${JSON.stringify(authID)} off the share`);
  }
  // Ceph leaves an id that it has no record of any more.
  if (others === undefined) await removeEntity(cluster, authID, signal);
}

/** Takes what Ceph left of the share, where its record of the id was lost or someone changed the capabilities. */
async function stripCaps(
  { backend, share, context }: Pick<AccessScope, 'backend' | 'context'> & { readonly share: CapsTarget },
  authID: string,
  caps: Caps,
): Promise<void> {
  if (!grantsShare(caps, share)) return;
  const left = capsWithout(caps, share);
  if (left === undefined) await removeEntity(backend.cluster, authID, context.signal);
  else await repairCaps(backend.cluster, authID, { from: caps, to: left }, context.signal);
}

/**
 * Denying an id on one share takes its `mon` capability, without which it can't use the others. Authorizing it on one of them
 * again gives it back, and has Ceph compare the tenant.
 */
async function repairMonCaps({ backend, tenantID, context }: AccessScope, authID: string): Promise<void> {
  const { cluster, config } = backend;
  const caps = (await readCaps(cluster, authID, context.signal)) ?? {};
  if (exceedsShares(caps)) return;
  for (const { fsName = config.fsName, group, name, level } of grantedShares(caps)) {
    const address = { fsName, group, name };
    const { outcome } = await authorize(cluster, address, { authID, level, tenantID }, context.signal);
    if (outcome === 'granted') return;
  }
}
