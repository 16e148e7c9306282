import { planRules } from '../../access-rules/plan.ts';
import { toReason } from '../../api/v1alpha1/reasons/reason.ts';
import type { ShareAccess } from '../../api/v1alpha1/share-access.ts';
import { isPaused } from '../../cluster-state/requests.ts';
import type { AccessUpdates } from '../../drivers/driver.ts';
import type { DriverError } from '../../drivers/errors.ts';
import { uidOf } from '../../runtime/kube-object.ts';
import type { DriverCaller } from '../driver-calls/call-lease.ts';
import { driverRule } from '../driver-calls/driver-requests.ts';
import { ensureShare } from '../driver-calls/ensure-share.ts';
import { finalFailure } from '../driver-calls/final-failure.ts';
import { listRulesLive } from '../lifecycle/live.ts';
import { forEach, inSequence } from './concurrency.ts';
import { isIntact, keySecretName } from './key-secret.ts';
import { storeGrant } from './outcome.ts';
import { Preparation } from './preparation.ts';
import { writeFailed, writeKeyConflict } from './rule-status.ts';
import { type AccessScope, surroundingsOf } from './scope.ts';
import { callUpdateAccess, recoveryEnded } from './update-access.ts';

/**
 * Makes the backend equal to the rules; every key comes back. The rules are listed live: a stale list would disconnect clients.
 * @param isRequested by a person: also where nothing shows that something is wrong
 * @throws DriverError `Unavailable`, which is retried
 */
export async function recoverRules(scope: AccessScope, caller: DriverCaller, isRequested: boolean): Promise<void> {
  const { operator, share } = scope;
  const plan = planRules({
    rules: await listRulesLive(operator, share, scope.rules),
    ...surroundingsOf(scope),
    shareIsLeaving: false,
    serverFailed: false,
    isPaused,
    isAskedFor: () => true,
  });
  const rules = [...plan.keep, ...plan.update, ...plan.add, ...plan.hitByServer];
  const { ready, conflicting, refused } = await new Preparation().prepare(scope, rules, { areLive: true });
  // The keys of refused rules can't be stored, and nothing else is wrong: without this the driver would be called again and again.
  if (refused.length > 0 && !isRequested && ready.every((rule) => isIntact(operator, rule))) return;
  const granted = refused.filter(({ status }) => status?.accessLevel !== undefined);
  let updates: AccessUpdates;
  try {
    updates = await callUpdateAccess(scope, caller, {
      accessRules: [...ready.map(asRecovered), ...granted.map(asApplied)],
      addRules: [],
      updateRules: [],
      deleteRules: [],
    });
  } catch (thrown) {
    return await recoveryFailed(scope, caller, ready, finalFailure(thrown));
  }
  operator.metrics.recovered(share, 'succeeded');
  await inSequence(
    () => forEach(ready, (rule) => storeGrant(scope, rule, updates.get(uidOf(rule)), true)),
    () => forEach(conflicting, (rule) => writeKeyConflict(operator, rule, keySecretName(rule), undefined)),
  );
  await recoveryEnded(scope);
}

async function recoveryFailed(
  scope: AccessScope,
  caller: DriverCaller,
  ready: readonly ShareAccess[],
  error: DriverError,
): Promise<void> {
  const { operator, share } = scope;
  const isLost = error.kind === 'NotFound' && !(await ensureShare(operator, scope, caller)).exists;
  if (!isLost) {
    // Rules that were granted before and have their keys still are; the others waited for the recovery.
    const waiting = ready.filter((rule) => !isPaused(rule) && !isIntact(operator, rule));
    const finding = { reason: toReason(error.reason), message: error.message };
    await forEach(waiting, (rule) => writeFailed(operator, rule, 'Call', finding));
  }
  operator.recorder.event(share, {
    type: 'Warning',
    reason: 'RecoveryFailed',
    action: 'RecoverAccess',
    note: `${error.reason}: ${error.message}`,
  });
  operator.metrics.recovered(share, 'failed');
  await recoveryEnded(scope);
}

/** A paused rule stays as it is on the backend. */
function asRecovered(rule: ShareAccess) {
  return isPaused(rule) ? asApplied(rule) : driverRule(rule);
}

function asApplied(rule: ShareAccess) {
  return driverRule(rule, rule.status?.accessLevel);
}
