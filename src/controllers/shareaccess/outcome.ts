import { findCondition } from '../../api/v1alpha1/conditions.ts';
import type { Reason } from '../../api/v1alpha1/reasons/reason.ts';
import type { ShareAccess } from '../../api/v1alpha1/share-access.ts';
import { isPaused, unhandledReconcileToken } from '../../cluster-state/requests.ts';
import type { AccessUpdate } from '../../drivers/driver.ts';
import { safeText } from '../../values/safe-text.ts';
import { cachedKeySecret, keySecretName, maxKeyLength, storeKey } from './key-secret.ts';
import { appliedReadiness, forRule, type RuleDraft, writeRule, writeRuleError } from './rule-status.ts';
import type { AccessScope } from './scope.ts';

/** Whether the backend makes an access key for rules of this type. */
export function mintsKey({ backend }: AccessScope, rule: ShareAccess): boolean {
  return backend?.status?.capabilities?.accessKeyTypes.includes(rule.spec.accessType) === true;
}

/**
 * Stores what became of a rule that was granted or changed: the key before the phase.
 * @param recovered whether the call was a recovery, which brings every key
 */
export async function settle(
  scope: AccessScope,
  rule: ShareAccess,
  update: AccessUpdate | undefined,
  recovered = false,
): Promise<ShareAccess> {
  const { operator } = scope;
  // It was part of the call as it is on the backend, and is left alone.
  if (isPaused(rule)) return rule;
  if (update?.state === 'error') {
    return await fail(scope, rule, 'AccessRejected', update.reason ?? 'the backend refused the rule');
  }
  const key = update?.accessKey;
  if (key !== undefined && key.length > maxKeyLength) {
    const message = `the driver returned a key of more than ${maxKeyLength} characters`;
    return await fail(scope, rule, 'AccessKeyTooLong', message);
  }
  const keyed = key !== undefined || mintsKey(scope, rule) || rule.status?.accessKeySecretRef !== undefined;
  if (key === undefined && keyed && (recovered || cachedKeySecret(operator, rule).state !== 'ours')) {
    return await fail(scope, rule, 'AccessKeyMissing', 'the backend returned no access key for the rule');
  }
  const level = rule.spec.accessLevel ?? 'rw';
  // Without its key in a Secret the rule is not active, whatever the backend grants.
  const change = (draft: RuleDraft) => rule.status?.accessLevel === undefined && draft.set({ phase: 'applying' });
  if (key !== undefined && !(await forRule(operator, rule, () => storeKey(operator, rule, key), { change }))) {
    // Granted, and to be taken back: nobody would get the key.
    return await failForSecret(scope, rule, level);
  }
  return await writeRule(operator, rule, (draft, fresh) => {
    if (fresh.metadata.deletionTimestamp !== undefined) return;
    const token = unhandledReconcileToken(rule);
    draft.set({
      phase: 'active',
      accessLevel: level,
      accessKeySecretRef: keyed ? { name: keySecretName(rule) } : undefined,
      ...(token === undefined ? {} : { lastHandledReconcileAt: token }),
    });
    draft.setReadiness(appliedReadiness);
    // A spec that changed during the call has not been applied.
    draft.set({ observedGeneration: rule.metadata.generation });
  });
}

/**
 * Puts a rule in error because the name of its Secret is taken.
 * @param granted the level that the backend grants, as far as is known; undefined: none
 */
export async function failForSecret(
  scope: AccessScope,
  rule: ShareAccess,
  granted: 'rw' | 'ro' | undefined,
): Promise<ShareAccess> {
  const message = `Secret ${keySecretName(rule)} exists and does not belong to this rule, or is being deleted and held by a finalizer; delete it or remove the finalizer; the operator checks again every 5 minutes`;
  const changes = { accessLevel: granted, accessKeySecretRef: undefined };
  return await fail(scope, rule, 'AccessKeySecretConflict', message, changes);
}

/** Puts a rule in error, with an event when that is news. */
export async function fail(
  { operator }: AccessScope,
  rule: ShareAccess,
  reason: Reason,
  message: string,
  changes: Parameters<typeof writeRuleError>[4] = {},
): Promise<ShareAccess> {
  const text = safeText(message);
  const token = unhandledReconcileToken(rule);
  const before = findCondition(rule.status?.conditions, 'Ready');
  const failed = await writeRuleError(operator, rule, reason, text, {
    ...changes,
    ...(token === undefined ? {} : { lastHandledReconcileAt: token }),
  });
  if (before?.reason !== reason || before.message !== text) {
    operator.recorder.event(failed, { type: 'Warning', reason, action: 'UpdateAccess', note: text });
  }
  return failed;
}
