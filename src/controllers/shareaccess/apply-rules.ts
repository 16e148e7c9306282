import { mayBeGranted } from '../../access-rules/plan.ts';
import { toReason } from '../../api/v1alpha1/reasons/reason.ts';
import type { ShareAccess } from '../../api/v1alpha1/share-access.ts';
import { DriverError, InProgress } from '../../drivers/errors.ts';
import { RefusedWrite } from '../../runtime/api-error.ts';
import { oneByOne } from '../../runtime/one-by-one.ts';
import { CallsSuspended, suspendedPauseMs } from '../driver-calls/backend-circuits.ts';
import type { DriverCaller } from '../driver-calls/call-lease.ts';
import { listRulesLive } from '../lifecycle/live.ts';
import { done, requeueAfter, type Step } from '../reconcile/step.ts';
import { whyNoRemoval } from '../status/findings.ts';
import { applyBatch } from './batch.ts';
import { showMissingKeys } from './findings.ts';
import { Preparation } from './preparation.ts';
import { examineAndRecover, isRecoveryDue } from './recovery.ts';
import { cachedRule, writeRetrying } from './rule-status.ts';
import { type AccessScope, accessCallScope, timeoutOf, whyNoGrant } from './scope.ts';
import { writeAccessSummary } from './share-status.ts';
import { outsideWorker } from './slow-call.ts';
import { showWait } from './waiting.ts';

/** What the driver can be called for now. */
interface DueWork {
  readonly denies: boolean;
  readonly grants: boolean;
  readonly recovers: boolean;
}

/** A phase: one batch, and a recovery where one is due, under one lease. */
export async function applyRules(scope: AccessScope): Promise<Step> {
  const { deny, add, update } = scope.plan;
  const due: DueWork = {
    denies: deny.length > 0 && whyNoRemoval(scope) === undefined,
    grants: add.length + update.length > 0 && whyNoGrant(scope) === undefined,
    recovers: isRecoveryDue(scope),
  };
  if (!due.recovers) await showMissingKeys(scope, whyNoGrant(scope)?.message ?? 'it waits for its turn');
  if (!due.denies && !due.grants && !due.recovers) return done;
  const affected = [...(due.denies ? deny : []), ...(due.grants ? [...add, ...update] : [])];
  try {
    await callDriver(scope, due, affected);
    return done;
  } catch (thrown) {
    if (thrown instanceof InProgress) return requeueAfter(thrown.pollAfter * 1000);
    if (thrown instanceof CallsSuspended) return requeueAfter(suspendedPauseMs);
    if (thrown instanceof DriverError) await showRetry(scope, affected, thrown);
    if (thrown instanceof RefusedWrite) await writeAccessSummary(scope);
    throw thrown;
  }
}

async function callDriver(scope: AccessScope, due: DueWork, affected: readonly ShareAccess[]): Promise<void> {
  const { operator, context, plan } = scope;
  // A recovery lists the rules itself.
  if (due.grants || due.denies) await compareRules(scope);
  const preparation = new Preparation();
  if (due.grants) {
    const { ready, conflicting } = await preparation.prepare(scope, [...plan.add, ...plan.update]);
    if (ready.length + conflicting.length === 0 && !due.denies && !due.recovers) return;
  }
  const callScope = accessCallScope(scope, due.denies ? 'denial' : 'normal');
  const lease = await outsideWorker(scope, affected, (waiting) =>
    operator.calls.acquire(callScope, context.signal, timeoutOf(scope), waiting),
  );
  const caller: DriverCaller = {
    call: (options, invoke) => outsideWorker(scope, affected, () => lease.call(options, invoke)),
  };
  try {
    // Rules that came while the lease was waited for are part of the batch.
    const fresh = scope.refresh();
    if (fresh === undefined) return;
    const mayGrant = whyNoGrant(fresh) === undefined;
    const mayDeny = whyNoRemoval(fresh) === undefined;
    if ((due.grants && mayGrant) || (due.denies && mayDeny)) {
      await applyBatch(fresh, caller, mayGrant ? preparation : undefined);
    }
    if (due.recovers) await examineAndRecover(scope, caller);
  } finally {
    lease.release();
  }
}

/** Compares the cached rules with the API server once for each share, in one request, where rules are granted already. */
async function compareRules({ operator, share, rules, memory }: AccessScope): Promise<void> {
  if (memory.rulesCompared || rules.every(({ status }) => status?.accessLevel === undefined)) return;
  await listRulesLive(operator, share, rules);
  memory.rulesCompared = true;
}

/** The call failed and is retried: its rules say why. */
async function showRetry(scope: AccessScope, affected: readonly ShareAccess[], error: DriverError): Promise<void> {
  const { operator } = scope;
  const finding = { reason: toReason(error.reason), message: `${error.message}; it is tried again` };
  await oneByOne(affected, async (rule) => {
    const fresh = cachedRule(operator, rule);
    if (fresh === undefined || fresh.status?.failure === 'AccessKeySecret') return;
    if (mayBeGranted(fresh)) await writeRetrying(operator, fresh, finding);
    // The call did not begin: the rule only waited.
    else await showWait(scope, [fresh], 'queued_to_apply', finding);
  });
  await showMissingKeys(scope, error.message);
}
