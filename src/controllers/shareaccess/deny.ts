import type { ShareAccess } from '../../api/v1alpha1/share-access.ts';
import { mayAbandon } from '../../cluster-state/requests.ts';
import { isNotFound, RefusedWrite } from '../../runtime/api-error.ts';
import type { ReconcileResult } from '../../runtime/controller.ts';
import { nameOf, uidOf } from '../../runtime/kube-object.ts';
import { oneByOne } from '../../runtime/one-by-one.ts';
import { hasFinalizer, removeFinalizer } from '../lifecycle/finalizers.ts';
import { isCurrent, isPlacementCurrent, staleCache } from '../lifecycle/live.ts';
import type { Operator } from '../operator.ts';
import { writeDriverResult } from '../status/driver-result.ts';
import { latestOf } from '../status/status-draft.ts';
import { deleteKey } from './key-secret.ts';
import { forRule, workOn, writeRule } from './rule-status.ts';
import type { AccessScope } from './scope.ts';

/**
 * What follows when the backend has a rule no more: its Secret goes, then the finalizer. A rule that is not deleted itself
 * waits for a share of that name to return.
 * @returns false when the API server refuses a write; the rule says so, and that it grants nothing any more
 */
export async function release(operator: Operator, rule: ShareAccess): Promise<boolean> {
  if (operator.refusedWrites.rests(uidOf(rule), workOn(rule))) return false;
  const isLeaving = rule.metadata.deletionTimestamp !== undefined;
  const { client, informers } = operator;
  try {
    await forRule(
      operator,
      rule,
      async () => {
        await deleteKey(operator, rule);
        const waiting = isLeaving ? latestOf(informers.shareAccesses, rule) : await standWithoutShare(operator, rule);
        // An edit in the meantime must not make the driver be asked once more.
        await writeDriverResult(operator, informers.shareAccesses, waiting, (fresh) =>
          removeFinalizer(client, informers.shareAccesses, fresh),
        );
      },
      {
        isDone: true,
        change: (draft) => draft.set({ accessLevel: undefined, ...(isLeaving ? { phase: 'denying' } : {}) }),
      },
    );
    return true;
  } catch (error) {
    if (error instanceof RefusedWrite) return false;
    if (!isNotFound(error)) throw error;
    return true;
  }
}

/** Whether the backend has a rule no more, and only a write that the API server refuses keeps it. */
export function isRevoked(operator: Operator, rule: ShareAccess): boolean {
  return operator.refusedWrites.isDone(uidOf(rule), workOn(rule));
}

/** Forgets a rule on a person's word, without asking the driver; only where the backend's owner allows it. */
export async function abandon(scope: AccessScope): Promise<ReconcileResult | undefined> {
  const { operator, rules, share, backend } = scope;
  const given = rules.filter(
    (rule) =>
      rule.metadata.deletionTimestamp !== undefined &&
      hasFinalizer(rule) &&
      mayAbandon(rule, backend) &&
      !operator.refusedWrites.rests(uidOf(rule), workOn(rule)),
  );
  if (given.length === 0) return undefined;
  if (!(await isPlacementCurrent(operator, scope))) return staleCache;
  let released = false;
  await oneByOne(given, async (rule) => {
    operator.recorder.event(rule, {
      type: 'Warning',
      reason: 'Abandoned',
      action: 'DenyAccess',
      note: `forgotten without asking backend ${share.status?.backendName ?? 'of its share'}; the access may remain there`,
    });
    released = (await release(operator, rule)) || released;
  });
  // What was let go is out of the cache: the next pass begins without it.
  return released ? { requeueAfterMs: 1 } : undefined;
}

/** Those of the rules that are as the API server has them; the others are judged again when the cache shows what they are. */
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

/** A rule whose share does not exist. */
export async function standWithoutShare(operator: Operator, rule: ShareAccess): Promise<ShareAccess> {
  return await writeRule(operator, rule, (draft) => {
    draft.set({ phase: 'queued_to_apply', accessLevel: undefined, accessKeySecretRef: undefined });
    draft.setReadiness({
      state: 'working',
      reason: 'ShareNotFound',
      message: `waits for share ${rule.spec.shareName} to exist`,
    });
  });
}
