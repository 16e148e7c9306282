import type { ShareAccess } from '../../api/v1alpha1/share-access.ts';
import { isPaused } from '../../cluster-state/requests.ts';
import type { AccessUpdate } from '../../drivers/driver.ts';
import { cachedKeySecret, keySecretName, maxKeyLength, storeKey } from './key-secret.ts';
import { levelOf, reportingOnRule, writeFailed, writeGranted, writeKeyConflict } from './rule-status.ts';
import type { AccessScope } from './scope.ts';

/** Whether the backend creates an access key for rules of this type. */
export function createsKey({ backend }: AccessScope, rule: ShareAccess): boolean {
  return backend?.status?.capabilities?.accessKeyTypes.includes(rule.spec.accessType) === true;
}

/**
 * Stores the result of granting or changing a rule: the key before the phase.
 * @param isRecovery whether the call was a recovery, which returns every key
 */
export async function storeGrant(
  scope: AccessScope,
  rule: ShareAccess,
  update: AccessUpdate | undefined,
  isRecovery = false,
): Promise<ShareAccess> {
  const { operator } = scope;
  // A paused rule was part of the call as it is on the backend, and stays as it is.
  if (isPaused(rule)) return rule;
  if (update?.state === 'error') {
    const message = update.reason ?? 'the backend rejected the rule';
    return await writeFailed(operator, rule, 'Rejected', { reason: 'AccessRejected', message });
  }
  const key = update?.accessKey;
  if (key !== undefined && key.length > maxKeyLength) {
    const message = `the driver returned a key of more than ${maxKeyLength} characters`;
    return await writeFailed(operator, rule, 'Call', { reason: 'AccessKeyTooLong', message });
  }
  const isKeyed = key !== undefined || createsKey(scope, rule) || rule.status?.accessKeySecretRef !== undefined;
  if (key === undefined && isKeyed && (isRecovery || cachedKeySecret(operator, rule).state !== 'ours')) {
    const message = 'the backend returned no access key for the rule';
    return await writeFailed(operator, rule, 'Call', { reason: 'AccessKeyMissing', message });
  }
  if (key !== undefined && !(await storeRuleKey(scope, rule, key))) {
    // The access was granted and is revoked by the next pass: no one would get the key.
    return await writeKeyConflict(operator, rule, keySecretName(rule), levelOf(rule));
  }
  return await writeGranted(operator, rule, { keySecretName: isKeyed ? keySecretName(rule) : undefined });
}

/** @returns false when another Secret has the name */
async function storeRuleKey({ operator }: AccessScope, rule: ShareAccess, key: string): Promise<boolean> {
  // Without its key in a Secret the rule is not active, whatever the backend grants.
  const isNew = rule.status?.accessLevel === undefined;
  const changes = isNew ? ({ phase: 'applying' } as const) : { accessKeyOutdated: true };
  return await reportingOnRule(operator, rule, () => storeKey(operator, rule, key), { changes });
}
