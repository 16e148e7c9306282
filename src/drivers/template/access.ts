import type { AccessUpdate, DriverAccessRule } from '../driver.ts';
import { isAddressOrNetwork, isRecovery, type RuleLists, ruleError } from '../kit/access-rules.ts';
import type { StoredRule } from './storage-system.ts';

/** What a share is to have, and the answer for each rule that was asked for. */
export interface AccessPlan {
  readonly rules: readonly StoredRule[];
  readonly updates: ReadonlyMap<string, AccessUpdate>;
}

/**
 * Which rules a share gets. `accessRules` is all that it shall have, so that the same answer is right for new, changed and denied
 * rules and for recovery. A rule that can't be granted is an error of that rule, and keeps no other from being granted.
 */
export function planAccess(lists: RuleLists): AccessPlan {
  const { accessRules, addRules, updateRules } = lists;
  const faults = new Map<string, string>();
  for (const rule of accessRules) {
    const fault = faultOf(rule);
    if (fault !== undefined) faults.set(rule.id, fault);
  }
  const asked = isRecovery(lists) ? accessRules : [...addRules, ...updateRules];
  // With access keys: the key of each rule goes here, in recovery too.
  const answer = (reason: string | undefined): AccessUpdate => (reason === undefined ? {} : ruleError(reason));
  return {
    rules: accessRules
      .filter(({ id }) => !faults.has(id))
      .map(({ accessType, accessTo, accessLevel }) => ({ accessType, accessTo, accessLevel })),
    updates: new Map(asked.map(({ id }) => [id, answer(faults.get(id))])),
  };
}

/** What is wrong with a rule, in one line; undefined when nothing is. */
function faultOf({ accessType, accessTo }: DriverAccessRule): string | undefined {
  if (accessType === 'user') return undefined;
  if (accessType !== 'ip') return `rules of type ${accessType} are not taken`;
  return isAddressOrNetwork(accessTo) ? undefined : `${accessTo} is no address and no network`;
}
