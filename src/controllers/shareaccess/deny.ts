import type { ShareAccess } from '../../api/v1alpha1/share-access.ts';
import { mayAbandon } from '../../cluster-state/requests.ts';
import { isNotFound } from '../../runtime/api-error.ts';
import type { ReconcileResult } from '../../runtime/controller.ts';
import { nameOf, uidOf } from '../../runtime/kube-object.ts';
import { oneByOne } from '../../runtime/one-by-one.ts';
import { writeDriverResult } from '../driver-result.ts';
import { hasFinalizer, removeFinalizer } from '../finalizers.ts';
import { isCurrent, isPlacementCurrent, staleCache } from '../live.ts';
import type { Operator } from '../operator.ts';
import { deleteKey } from './key-secret.ts';
import { writeRule } from './rule-status.ts';
import type { AccessScope } from './scope.ts';

/**
 * What follows when the backend has a rule no more: its Secret goes, then the finalizer. A rule that is not deleted itself
 * waits for a share of that name to return.
 */
export async function release(operator: Operator, rule: ShareAccess): Promise<void> {
  const { client, informers } = operator;
  await deleteKey(operator, rule);
  const waiting =
    rule.metadata.deletionTimestamp === undefined ? await standWithoutShare(operator, rule) : latest(operator, rule);
  try {
    // An edit in the meantime must not make the driver be asked once more.
    await writeDriverResult(operator, informers.shareAccesses, waiting, (fresh) =>
      removeFinalizer(client, informers.shareAccesses, fresh),
    );
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

/** Forgets a rule on a person's word, without asking the driver; only where the backend's owner allows it. */
export async function abandon(scope: AccessScope): Promise<ReconcileResult | undefined> {
  const { operator, rules, share, backend } = scope;
  const given = rules.filter(
    (rule) => rule.metadata.deletionTimestamp !== undefined && hasFinalizer(rule) && mayAbandon(rule, backend),
  );
  if (given.length === 0) return undefined;
  if (!(await isPlacementCurrent(operator, scope))) return staleCache;
  await oneByOne(given, async (rule) => {
    operator.recorder.event(rule, {
      type: 'Warning',
      reason: 'Abandoned',
      action: 'DenyAccess',
      note: `forgotten without asking backend ${share.status?.backendName ?? 'of its share'}; the access may remain there`,
    });
    await release(operator, rule);
  });
  // What was let go is out of the cache: the next pass begins without it.
  return { requeueAfterMs: 1 };
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

function latest(operator: Operator, rule: ShareAccess): ShareAccess {
  const cached = operator.informers.shareAccesses.cache.get(nameOf(rule));
  return cached !== undefined && uidOf(cached) === uidOf(rule) ? cached : rule;
}

/** A rule whose share does not exist. */
export async function standWithoutShare(operator: Operator, rule: ShareAccess): Promise<ShareAccess> {
  return await writeRule(operator, rule, (draft) => {
    draft.set({ phase: 'queued_to_apply', accessLevel: undefined, accessKeySecretRef: undefined });
    draft.stand({
      state: 'working',
      reason: 'ShareNotFound',
      message: `waits for share ${rule.spec.shareName} to exist`,
    });
  });
}
