import type { Finding } from '../../api/v1alpha1/finding.ts';
import type { ShareAccess } from '../../api/v1alpha1/share-access.ts';
import { uidOf } from '../../runtime/kube-object.ts';
import { oneByOne } from '../../runtime/one-by-one.ts';
import { earliestRequeueMs } from '../reconcile/earliest-requeue.ts';
import { requeueAfter, type Step } from '../reconcile/step.ts';
import { whyNoRemoval } from '../status/findings.ts';
import { type QueuedPhase, writeQueued } from './rule-status.ts';
import { type AccessScope, whyNoGrant } from './scope.ts';

/** Waits and calls shorter than this are not written: the status would be outdated at once. */
export const shortWaitMs = 1000;

/** A phase: rules that can't be applied or denied now say what they wait for. */
export async function showWaits(scope: AccessScope): Promise<Step> {
  const { deny, add, update } = scope.plan;
  forgetEndedWaits(scope, [...deny, ...add, ...update]);
  const denialWait = whyNoRemoval(scope);
  const grantWait = whyNoGrant(scope);
  const pauses: (number | undefined)[] = [];
  if (denialWait !== undefined) pauses.push(await showWait(scope, deny, 'queued_to_deny', denialWait));
  if (grantWait !== undefined) {
    pauses.push(await showWait(scope, add, 'queued_to_apply', grantWait));
    pauses.push(await showWait(scope, update, 'queued_to_update', grantWait));
  }
  return requeueAfter(earliestRequeueMs(...pauses));
}

/**
 * Writes what rules wait for, once they have waited for a moment.
 * @returns milliseconds until the wait is long enough to be written; undefined when it was written
 */
export async function showWait(
  { operator, memory }: AccessScope,
  rules: readonly ShareAccess[],
  phase: QueuedPhase,
  finding: Finding,
): Promise<number | undefined> {
  let pauseMs: number | undefined;
  const now = operator.clock.now();
  await oneByOne(rules, async (rule) => {
    const uid = uidOf(rule);
    const since = memory.waitingSince.get(uid) ?? now;
    memory.waitingSince.set(uid, since);
    const leftMs = since + shortWaitMs - operator.clock.now();
    if (leftMs > 0) pauseMs = earliestRequeueMs(pauseMs, leftMs);
    else await writeQueued(operator, rule, phase, finding);
  });
  return pauseMs;
}

function forgetEndedWaits({ memory: { waitingSince } }: AccessScope, waiting: readonly ShareAccess[]): void {
  if (waitingSince.size === 0) return;
  const uids = new Set(waiting.map(uidOf));
  for (const uid of waitingSince.keys()) if (!uids.has(uid)) waitingSince.delete(uid);
}
