import type { AccessRequest, AccessUpdate, AccessUpdates, CallContext } from '../driver.ts';
import { isRecovery, onlyDenies, ruleError } from '../kit/access-rules.ts';
import { inParallel } from '../kit/parallel.ts';
import { denyAccess, denyLost } from './access/deny.ts';
import { grantAccess } from './access/grant.ts';
import { type Grant, isReserved, planAccess } from './access/plan.ts';
import { accessScopeOf } from './access/scope.ts';
import { capsWith, sameCaps } from './auth/caps.ts';
import { readCaps } from './auth/entities.ts';
import type { Backend } from './backend.ts';
import { findOwnedShare, getOwnedShare, shareAddress } from './subvolumes/owned-shares.ts';
import { listAuthorized, type Subvolume } from './subvolumes/subvolumes.ts';

/**
 * Applies rules to a share. What fails for one id alone is that rule's error; what fails for all is thrown.
 * @throws InProgress when there are more rules than one call has time for
 */
export async function updateAccess(
  backend: Backend,
  request: AccessRequest,
  context: CallContext,
): Promise<AccessUpdates> {
  const { share } = request;
  const find = onlyDenies(request) ? findOwnedShare : getOwnedShare;
  const subvolume = await find(backend, share, context);
  // On a share that is gone nothing is granted: there are denials only.
  if (subvolume === undefined) return await denyOnLostShare(backend, request, context);
  const scope = await accessScopeOf(backend, subvolume, context);
  const plan = planAccess(request, scope.authorized, backend.config.user);
  const batch = { key: share.id, operation: context.operation, isRecovery: isRecovery(request) };
  const updates = new Map<string, AccessUpdate>();
  await backend.batches.run(batch, async (progress, isTimeUp) => {
    const deny = async (authID: string): Promise<void> => {
      if (progress.isDenied(authID)) return;
      await denyAccess(scope, authID);
      progress.noteDenied(authID);
    };
    const grant = async (wanted: Grant): Promise<void> => {
      let update = progress.updateOf(wanted);
      if (update === undefined) {
        update = await grantAccess(scope, wanted);
        progress.noteGranted(wanted, update);
      }
      updates.set(wanted.ruleID, update);
    };
    // An id that is denied and granted again ends granted.
    if ((await inParallel(plan.denials, deny, { isTimeUp })) === 'more') return 'more';
    return await inParallel(plan.grants, grant, { isTimeUp });
  });
  for (const [ruleID, reason] of plan.refusals) updates.set(ruleID, ruleError(reason));
  return updates;
}

async function denyOnLostShare(backend: Backend, request: AccessRequest, context: CallContext): Promise<AccessUpdates> {
  const address = shareAddress(backend, request.share);
  const { denials } = planAccess(request, new Map(), backend.config.user);
  await inParallel(denials, (authID) => denyLost(backend, address, authID, context));
  return new Map();
}

/** Takes all access to a share that is being deleted: Ceph would leave its keys behind. */
export async function denyAll(backend: Backend, share: Subvolume, context: CallContext): Promise<void> {
  const scope = await accessScopeOf(backend, share, context);
  const authIDs = [...scope.authorized.keys()].filter((authID) => !isReserved(authID, backend.config.user));
  await inParallel(authIDs, (authID) => denyAccess(scope, authID));
}

/** Whether an id that is authorized on the share lacks what Ceph gave it, for example because someone removed it. */
export async function isAccessDamaged(backend: Backend, share: Subvolume, signal: AbortSignal): Promise<boolean> {
  const authorized = await listAuthorized(backend.cluster, share, signal);
  for (const [authID, level] of authorized) {
    const caps = await readCaps(backend.cluster, authID, signal);
    if (caps === undefined || !sameCaps(caps, capsWith(caps, share, level))) return true;
  }
  return false;
}
