import type { AccessRequest, AccessUpdates, CallContext } from '../driver.ts';
import { isReserved, planAccess } from './access-plan.ts';
import { accessScopeOf } from './access-scope.ts';
import { readCaps } from './auth-entities.ts';
import type { Backend } from './backend.ts';
import { capsWith, sameCaps } from './caps.ts';
import { denyAccess } from './deny-access.ts';
import { grantAccess } from './grant-access.ts';
import { findOwnedShare, getOwnedShare } from './owned-shares.ts';
import { listAuthorized, type Subvolume } from './subvolumes.ts';

/**
 * Applies rules to a share. What fails for one id alone is that rule's error; what fails for all is thrown.
 * @throws InProgress when there are more rules than one call has time for
 */
export async function updateAccess(
  backend: Backend,
  request: AccessRequest,
  context: CallContext,
): Promise<AccessUpdates> {
  const { share, addRules, updateRules, deleteRules } = request;
  const onlyDenials = deleteRules.length > 0 && addRules.length + updateRules.length === 0;
  const find = onlyDenials ? findOwnedShare : getOwnedShare;
  const subvolume = await find(backend, share, context);
  // On a share that is gone nothing is granted: denials have succeeded.
  if (subvolume === undefined) return new Map();
  const scope = await accessScopeOf(backend, subvolume, context);
  const plan = planAccess(request, scope.authorized, backend.config.user);
  const { updates } = await backend.progress.work(
    share.id,
    context.operation,
    async ({ denied, updates }, isTimeUp) => {
      for (const authID of plan.denials) {
        if (denied.has(authID)) continue;
        if (isTimeUp()) return 'more';
        await denyAccess(scope, authID);
        denied.add(authID);
      }
      for (const grant of plan.grants) {
        if (updates.has(grant.ruleID)) continue;
        if (isTimeUp()) return 'more';
        updates.set(grant.ruleID, await grantAccess(scope, grant));
      }
      return 'done';
    },
  );
  for (const [ruleID, reason] of plan.refusals) updates.set(ruleID, { state: 'error', reason });
  return updates;
}

/** Takes all access to a share that is being deleted: Ceph would leave its keys behind. */
export async function denyAll(backend: Backend, share: Subvolume, context: CallContext): Promise<void> {
  const scope = await accessScopeOf(backend, share, context);
  for (const authID of scope.authorized.keys()) {
    if (!isReserved(authID, backend.config.user)) await denyAccess(scope, authID);
  }
}

/** Whether an id that is authorized on the share lacks what Ceph gave it, for example because somebody removed it. */
export async function isAccessDamaged(backend: Backend, share: Subvolume, signal: AbortSignal): Promise<boolean> {
  const authorized = await listAuthorized(backend.cluster, share, signal);
  for (const [authID, level] of authorized) {
    const caps = await readCaps(backend.cluster, authID, signal);
    if (caps === undefined || !sameCaps(caps, capsWith(caps, share, level))) return true;
  }
  return false;
}
