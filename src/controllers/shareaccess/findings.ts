import type { RuleProblem } from '../../access-rules/plan.ts';
import { findCondition, isReady } from '../../api/v1alpha1/conditions.ts';
import { isPaused, unhandledReconcileToken } from '../../cluster-state/requests.ts';
import { uidOf } from '../../runtime/kube-object.ts';
import { oneByOne } from '../../runtime/one-by-one.ts';
import { done, requeueAfter, type Step } from '../reconcile/step.ts';
import { isIntact, keySecretName } from './key-secret.ts';
import { cachedRule, writeFailed, writeKeyMissing, writePaused, writeStillGranted } from './rule-status.ts';
import type { AccessScope } from './scope.ts';

/** One pass writes at least so many of the rules that can't be applied, or this part of them. */
const minWritesInPass = 100;
const partInPass = 0.1;

/** A phase: paused rules say that they are paused. */
export async function showPaused({ operator, rules }: AccessScope): Promise<Step> {
  await oneByOne(rules, async (rule) => {
    if (isPaused(rule) && rule.metadata.deletionTimestamp === undefined) await writePaused(operator, rule);
  });
  return done;
}

/** A phase: rules that can't be applied say why. Of thousands a part in each pass, so that the other rules need not wait for all. */
export async function showProblems({ operator, plan }: AccessScope): Promise<Step> {
  const unwritten = plan.problems.filter(
    (problem) => !isWritten(problem) || unhandledReconcileToken(problem.rule) !== undefined,
  );
  const part = unwritten.slice(0, Math.max(minWritesInPass, unwritten.length * partInPass));
  await oneByOne(part, async ({ rule, failure, finding }) => {
    await writeFailed(operator, rule, failure, finding);
  });
  return part.length < unwritten.length ? requeueAfter(1) : done;
}

/** A phase: rules that stay as they are say so, after a pause or after their Secret was restored. */
export async function showGranted({ operator, plan }: AccessScope): Promise<Step> {
  await oneByOne(plan.keep, async (rule) => {
    const isRefused = operator.refusedWrites.readinessOf(uidOf(rule)) !== undefined;
    if (isReady(rule) || isPaused(rule) || isRefused || !isIntact(operator, rule)) return;
    await writeStillGranted(operator, rule);
  });
  return done;
}

/** Rules whose key can't be restored now say so. */
export async function showMissingKeys({ operator, rulesWithoutKey }: AccessScope, why: string): Promise<void> {
  await oneByOne(rulesWithoutKey, async (rule) => {
    const fresh = cachedRule(operator, rule);
    if (fresh === undefined || isIntact(operator, fresh)) return;
    await writeKeyMissing(operator, fresh, keySecretName(fresh), why);
  });
}

/** Whether the rule's status says this of its present spec. */
function isWritten({ rule, failure, finding }: RuleProblem): boolean {
  const { status, metadata } = rule;
  const ready = findCondition(status?.conditions, 'Ready');
  return (
    status?.phase === 'error' &&
    status.failure === failure &&
    status.observedGeneration === metadata.generation &&
    ready?.reason === finding.reason &&
    ready.message === finding.message
  );
}
