import type { ShareAccess } from '../../api/v1alpha1/share-access.ts';
import { mayAbandon } from '../../cluster-state/requests.ts';
import { isNotFound, RefusedWrite } from '../../runtime/api-error.ts';
import { nameOf, uidOf } from '../../runtime/kube-object.ts';
import { oneByOne } from '../../runtime/one-by-one.ts';
import { hasFinalizer, removeFinalizer } from '../lifecycle/finalizers.ts';
import { isCurrent, isPlacementCurrent, staleCache } from '../lifecycle/live.ts';
import type { Operator } from '../operator.ts';
import { done, passOver, type Step } from '../reconcile/step.ts';
import { writeDriverResult } from '../status/driver-result.ts';
import { latestOf } from '../status/status-draft.ts';
import { deleteKey } from './key-secret.ts';
import { reportingOnRule, workOn, writeShareMissing } from './rule-status.ts';
import type { AccessScope } from './scope.ts';

/**
 * The backend no longer has the rule: deletes its Secret, then removes the finalizer. A rule that is not deleted itself waits
 * for a share of that name.
 * @returns false when the API server refuses a write; the rule shows that, and that it grants nothing any more
 */
export async function removeRule(operator: Operator, rule: ShareAccess): Promise<boolean> {
  if (operator.refusedWrites.rests(uidOf(rule), workOn(rule))) return false;
  const isDeleted = rule.metadata.deletionTimestamp !== undefined;
  const { client, informers } = operator;
  const remove = async (): Promise<void> => {
    await deleteKey(operator, rule);
    const waiting = isDeleted ? latestOf(informers.shareAccesses, rule) : await writeShareMissing(operator, rule);
    // A conflict with an edit must not cause another driver call.
    await writeDriverResult(operator, informers.shareAccesses, waiting, (fresh) =>
      removeFinalizer(client, informers.shareAccesses, fresh),
    );
  };
  const changes = { accessLevel: undefined, ...(isDeleted ? { phase: 'denying' as const } : {}) };
  try {
    await reportingOnRule(operator, rule, remove, { isDone: true, changes });
    return true;
  } catch (error) {
    if (error instanceof RefusedWrite) return false;
    if (!isNotFound(error)) throw error;
    return true;
  }
}

/** Whether the backend no longer has the rule, and only a write that the API server refuses keeps the object. */
export function isRevoked(operator: Operator, rule: ShareAccess): boolean {
  return operator.refusedWrites.isDone(uidOf(rule), workOn(rule));
}

/** A phase: removes deleted rules with the annotation `abandon`, without a driver call, where their backend allows it. */
export async function abandonRules(scope: AccessScope): Promise<Step> {
  const { operator, rules, share, backend } = scope;
  const abandoned = rules.filter(
    (rule) =>
      rule.metadata.deletionTimestamp !== undefined &&
      hasFinalizer(rule) &&
      mayAbandon(rule, backend) &&
      !operator.refusedWrites.rests(uidOf(rule), workOn(rule)),
  );
  if (abandoned.length === 0) return done;
  if (!(await isPlacementCurrent(operator, scope))) return passOver(staleCache.requeueAfterMs);
  for (const rule of abandoned) {
    operator.recorder.event(rule, {
      type: 'Warning',
      reason: 'Abandoned',
      action: 'DenyAccess',
      note: `removed without calling backend ${share.status?.backendName ?? 'of its share'}; the access may remain there`,
    });
  }
  return await removeAll(operator, abandoned);
}

/** A phase: removes rules that need no driver call, because no driver was called for their share. */
export async function removeUnknownRules(scope: AccessScope): Promise<Step> {
  const { operator, share, plan } = scope;
  const { identifier, operation, backendName } = share.status ?? {};
  if (identifier !== undefined || (operation !== undefined && backendName !== undefined)) return done;
  const unknown = plan.deny.filter((rule) => !operator.refusedWrites.rests(uidOf(rule), workOn(rule)));
  if (unknown.length === 0) return done;
  if (!(await isCurrent(operator, operator.informers.shares, nameOf(share), share))) {
    return passOver(staleCache.requeueAfterMs);
  }
  return await removeAll(operator, unknown);
}

/** Ends the pass where something was removed: the next one plans without it. */
async function removeAll(operator: Operator, rules: readonly ShareAccess[]): Promise<Step> {
  let isRemoved = false;
  await oneByOne(rules, async (rule) => {
    isRemoved = (await removeRule(operator, rule)) || isRemoved;
  });
  return isRemoved ? passOver(1) : done;
}

/** The rules whose cached version is that of the API server; the others are planned again when the cache has caught up. */
export async function currentRules(
  { client, informers }: Operator,
  rules: readonly ShareAccess[],
): Promise<ReadonlySet<ShareAccess>> {
  const checked = await Promise.all(
    rules.map(async (rule) => ({
      rule,
      current: await isCurrent({ client }, informers.shareAccesses, nameOf(rule), rule),
    })),
  );
  return new Set(checked.filter(({ current }) => current).map(({ rule }) => rule));
}
