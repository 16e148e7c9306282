import { unhandledReconcileToken } from '../../cluster-state/requests.ts';
import { uidOf } from '../../runtime/kube-object.ts';
import type { DriverCaller } from '../driver-calls/call-lease.ts';
import { ensureShare } from '../driver-calls/ensure-share.ts';
import { isRestored } from '../lifecycle/restored.ts';
import { recoverRules } from './recover-rules.ts';
import { type AccessScope, whyNoCall, whyNoGrant } from './scope.ts';
import { writeExamined } from './share-status.ts';
import { isRecovering } from './update-access.ts';

/**
 * The rules of a share are recovered when its share server is back from error, a key Secret is missing or was changed, the driver
 * asks for it, a reconcile is requested, or it has not been done for long.
 */

const resyncMs = 10 * 3600_000;
const minExaminationPauseMs = 60_000;

/** Whether the share is to be examined, or its rules are to be recovered, and a driver can be called for that. */
export function isRecoveryDue(scope: AccessScope): boolean {
  const { metadata, status } = scope.share;
  if (metadata.deletionTimestamp !== undefined || status?.identifier === undefined) return false;
  // The share is not complete yet.
  if (status.operation?.name === 'createShare') return false;
  if (isUnfinished(scope) && whyNoGrant(scope) === undefined) return true;
  if (needsExamination(scope)) return whyNoCall(scope) === undefined;
  return needsRecovery(scope) && whyNoGrant(scope) === undefined;
}

/** Examines the share where that is due, and recovers its rules where needed. */
export async function examineAndRecover(given: AccessScope, caller: DriverCaller): Promise<void> {
  let scope = given.refresh();
  if (scope === undefined || whyNoCall(scope) !== undefined) return;
  const { operator, share, memory } = scope;
  const token = unhandledReconcileToken(share);
  const wasToExamine = memory.examineSoon;
  let recovers = token !== undefined || isRestored(share) || !wasToExamine || isUnfinished(scope);
  const examines = needsExamination(scope);
  // A change of the backend from here on causes another examination.
  memory.examineSoon = false;
  try {
    if (examines && !isRecovering(scope)) {
      const { exists, reapplyAccess } = await ensureShare(operator, scope, caller);
      recovers = exists && (recovers || reapplyAccess);
      scope = scope.refresh();
    }
    if (recovers && scope !== undefined && whyNoGrant(scope) === undefined) {
      memory.recoveryUnfinished = true;
      await recoverRules(scope, caller, token !== undefined);
    }
  } catch (error) {
    if (wasToExamine) memory.examineSoon = true;
    throw error;
  }
  memory.recoveryUnfinished = false;
  memory.examineAt = nextExamination(given);
  memory.recoveredReset = (scope && resetOf(scope)) ?? memory.recoveredReset;
  await writeExamined(operator, scope?.share ?? share, token);
}

/** Milliseconds until the share is examined without a request; undefined when it has no rules. */
export function examinationPauseMs(scope: AccessScope): number | undefined {
  const { memory, operator } = scope;
  const hasRules = (scope.refresh()?.rules.length ?? 0) > 0;
  memory.examineAt = hasRules ? (memory.examineAt ?? nextExamination(scope)) : undefined;
  if (memory.examineAt === undefined) return undefined;
  return Math.max(minExaminationPauseMs, memory.examineAt - operator.clock.now());
}

/** Whether a recovery has begun, in this process or a former one, and not ended. */
function isUnfinished(scope: AccessScope): boolean {
  return scope.memory.recoveryUnfinished || isRecovering(scope);
}

/** Whether the driver has to be asked about the share. */
function needsExamination({ operator, share, memory }: AccessScope): boolean {
  const { examineSoon, examineAt } = memory;
  const isDue = examineAt !== undefined && examineAt <= operator.clock.now();
  return unhandledReconcileToken(share) !== undefined || isRestored(share) || examineSoon || isDue;
}

function needsRecovery(scope: AccessScope): boolean {
  if (scope.plan.hitByServer.length > 0) return true;
  const reset = resetOf(scope);
  if (reset !== undefined && scope.rules.length > 0 && reset !== scope.memory.recoveredReset) return true;
  return scope.rulesWithoutKey.length > 0;
}

function nextExamination({ operator: { clock, random } }: AccessScope): number {
  return clock.now() + resyncMs * (0.5 + random());
}

/**
 * Identifies the reset of a server that an administrator set to active after a failure: the state of its rules is unknown then, also
 * where the operator crashed before it could put them in error. Undefined for every other server.
 */
function resetOf({ server }: AccessScope): string | undefined {
  const { phase, lastError } = server?.status ?? {};
  if (server === undefined || phase !== 'active' || lastError === undefined) return undefined;
  return `${uidOf(server)}/${lastError.time}`;
}
