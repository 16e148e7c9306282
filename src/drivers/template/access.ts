import type {
  AccessRequest,
  AccessUpdate,
  AccessUpdates,
  CallContext,
  DriverAccessRule,
  RuleLists,
} from '../driver.ts';
import { isAddressOrNetwork, isRecovery, ruleError } from '../kit/access-rules.ts';
import type { Backend } from './backend.ts';
import { findShare, getShare } from './shares.ts';
import type { StoredRule } from './storage-system.ts';

/** Makes the rules of a share those that are wanted. On a share that is gone nothing is granted: denials have succeeded. */
export async function updateAccess(
  backend: Backend,
  request: AccessRequest,
  context: CallContext,
): Promise<AccessUpdates> {
  const { share, accessRules } = request;
  const find = accessRules.length === 0 ? findShare : getShare;
  const stored = await find(backend, share, context);
  if (stored === undefined) return new Map();
  const { rules, updates } = planAccess(request);
  // Yours: also end the sessions of those who lose access.
  await backend.system.saveShare(share.id, { ...stored, rules: [...rules] }, context.signal);
  return updates;
}

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
