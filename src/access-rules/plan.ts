import type { BackendCapabilities, ShareProtocol } from '../api/v1alpha1/backend-capabilities.ts';
import type { Finding } from '../api/v1alpha1/finding.ts';
import { finalizer } from '../api/v1alpha1/labels.ts';
import type { ShareAccess, ShareAccessFailure } from '../api/v1alpha1/share-access.ts';
import type { ShareServer } from '../api/v1alpha1/share-server.ts';
import { byPrecedence, duplicateOf, targetKey, validateRule, winnersByTarget } from './rule-target.ts';
import { type UserNames, userNamesOf } from './user-names.ts';

/** Maximum number of rules of a share. */
const maxRules = 1000;

/** The rules of a share, and what is known about the share. */
export interface RulePlanInput {
  readonly rules: readonly ShareAccess[];
  readonly protocol: ShareProtocol;
  /** Undefined until the backend was probed. */
  readonly capabilities: BackendCapabilities | undefined;
  /** Whether the backend reserves a cephx id for other namespaces; absent: it reserves none. */
  readonly isReservedID?: ((id: string) => boolean) | undefined;
  /** The share's server, where the backend handles share servers and it is known. */
  readonly server?: Pick<ShareServer, 'status'> | undefined;
  /** The share is being deleted: its rules are denied and wait for another share of that name. */
  readonly shareIsLeaving: boolean;
  /** The share server failed: only denials are tried. */
  readonly serverFailed: boolean;
  /** Paused rules stay as they are. */
  readonly isPaused: (rule: ShareAccess) => boolean;
  /** Rules for which a reconcile is requested: they are tried again although they failed. */
  readonly isAskedFor: (rule: ShareAccess) => boolean;
}

/** Why a rule can't be applied at present. */
export interface RuleProblem {
  readonly rule: ShareAccess;
  readonly failure: ShareAccessFailure;
  readonly finding: Finding;
}

/** What a driver call for the rules of one share has to do. */
export interface RulePlan {
  readonly add: readonly ShareAccess[];
  readonly update: readonly ShareAccess[];
  /** To be revoked on the backend. */
  readonly deny: readonly ShareAccess[];
  /** Rules that stay as they are. With `add` and `update` these are all rules of the backend afterwards. */
  readonly keep: readonly ShareAccess[];
  /** Rules that can't be applied; their status says why. */
  readonly problems: readonly RuleProblem[];
  /** In error because their share server failed; the server is back. */
  readonly hitByServer: readonly ShareAccess[];
}

/** Whether the backend may have the rule: the finalizer comes before the first call. */
export function mayBeGranted(rule: ShareAccess): boolean {
  return rule.metadata.finalizers?.includes(finalizer) === true;
}

/** Plans the driver call for the rules of one share. */
export function planRules(input: RulePlanInput): RulePlan {
  const add: ShareAccess[] = [];
  const update: ShareAccess[] = [];
  const deny: ShareAccess[] = [];
  const keep: ShareAccess[] = [];
  const problems: RuleProblem[] = [];
  const hitByServer: ShareAccess[] = [];
  // The limit comes first: rules beyond it cost one comparison, whatever their target is.
  const surplus = surplusOf(input.rules);
  const names = userNamesOf(input.capabilities, input.server);
  const winners = winnersByTarget(
    input.rules.filter((rule) => !surplus.has(rule)),
    names,
  );
  for (const rule of input.rules) {
    const applied = rule.status?.accessLevel;
    if (input.isPaused(rule)) {
      // It stays as it is on the backend, whatever its phase, also while it waits to be denied.
      if (applied !== undefined && mayBeGranted(rule)) keep.push(rule);
      continue;
    }
    if (rule.metadata.deletionTimestamp !== undefined || input.shareIsLeaving) {
      if (mayBeGranted(rule)) deny.push(rule);
      continue;
    }
    const invalid = surplus.has(rule) ? tooMany : invalidity(rule, input, names, winners);
    if (invalid !== undefined) {
      problems.push({ rule, failure: 'Invalid', finding: invalid });
      continue;
    }
    if (input.serverFailed) {
      problems.push({ rule, failure: 'ShareServer', finding: serverError });
      continue;
    }
    const inError = rule.status?.phase === 'error';
    if (inError && rule.status?.failure === 'ShareServer') {
      hitByServer.push(rule);
      continue;
    }
    if (isFinal(rule) && !input.isAskedFor(rule)) continue;
    const level = rule.spec.accessLevel ?? 'rw';
    if (applied === undefined || inError) add.push(rule);
    else if (applied !== level || input.isAskedFor(rule) || mayHaveBeenUpdated(rule)) update.push(rule);
    else keep.push(rule);
  }
  return { add, update, deny, keep, problems, hitByServer };
}

/** Whether the backend refused the rule as it is: it is not tried again until it is changed, or a reconcile is requested. */
function isFinal(rule: ShareAccess): boolean {
  const { phase, failure } = rule.status ?? {};
  return phase === 'error' && (failure === 'Rejected' || failure === 'Call') && !isChanged(rule);
}

/** Whether the spec changed since the rule was last judged. */
function isChanged(rule: ShareAccess): boolean {
  return rule.status?.observedGeneration !== rule.metadata.generation;
}

/**
 * Whether the backend may have another level than the status says: an operator that crashed may have applied one that was reverted
 * since.
 */
function mayHaveBeenUpdated(rule: ShareAccess): boolean {
  return isChanged(rule) || rule.status?.phase !== 'active';
}

const tooMany = {
  reason: 'TooManyAccessRules',
  message: `a share can have ${maxRules} access rules; applied rules come first, then older ones`,
} as const;

/** Rules beyond the number that a share can have. */
function surplusOf(rules: readonly ShareAccess[]): ReadonlySet<ShareAccess> {
  if (rules.length <= maxRules) return new Set();
  return new Set(rules.filter(isStaying).sort(byPrecedence).slice(maxRules));
}

function isStaying({ metadata }: ShareAccess): boolean {
  return metadata.deletionTimestamp === undefined;
}

/** What is known of a rule's share and backend, as far as a single rule depends on it. */
export type RuleSurroundings = Pick<RulePlanInput, 'protocol' | 'capabilities' | 'isReservedID' | 'server'>;

/** Why a rule can't be applied as it is, whatever the state of its share and server. */
export interface InvalidRule extends Finding {
  readonly reason:
    | 'InvalidAccessRule'
    | 'AccessTypeNotSupported'
    | 'AccessLevelNotSupported'
    | 'AccessIDReserved'
    | 'DuplicateAccessRule'
    | 'TooManyAccessRules';
}

/**
 * Validates a rule that is about to be created.
 * @param rule not stored yet: without a UID and a creation time
 * @param others the other rules of the share
 * @param surroundings absent while the share is not known
 */
export function validateNewRule(
  rule: ShareAccess,
  others: readonly ShareAccess[],
  surroundings: RuleSurroundings | undefined,
): InvalidRule | undefined {
  // The newest rule is the one beyond the limit.
  if (others.filter(isStaying).length >= maxRules) return tooMany;
  return (
    validateInBackend(rule, surroundings) ??
    duplication(rule, duplicateOf(rule, others, userNamesOf(surroundings?.capabilities, surroundings?.server)))
  );
}

/** Validates one rule: its format, and whether its backend supports it. */
export function validateInBackend(
  { spec, status }: ShareAccess,
  surroundings: RuleSurroundings | undefined,
): InvalidRule | undefined {
  const { capabilities, protocol, server, isReservedID } = surroundings ?? {};
  const invalid = validateRule(spec, userNamesOf(capabilities, server));
  if (invalid !== undefined) return { reason: 'InvalidAccessRule', message: invalid };
  const { accessType, accessLevel = 'rw' } = spec;
  // A later reservation does not revoke access.
  if (accessType === 'cephx' && status?.accessLevel === undefined && isReservedID?.(spec.accessTo)) {
    return {
      reason: 'AccessIDReserved',
      message: `the cephx id ${JSON.stringify(spec.accessTo)} is reserved on this backend; use another id, or ask the storage administrator for this one`,
    };
  }
  if (capabilities === undefined || protocol === undefined) return undefined;
  const types = capabilities.accessTypesByProtocol[protocol] ?? [];
  if (!types.includes(accessType)) {
    return {
      reason: 'AccessTypeNotSupported',
      message: `the backend does not support rules of type ${accessType} on ${protocol} shares; it supports: ${types.join(', ') || 'none'}`,
    };
  }
  if (!capabilities.accessLevels.includes(accessLevel)) {
    return {
      reason: 'AccessLevelNotSupported',
      message: `the backend does not support level ${accessLevel}; it supports: ${capabilities.accessLevels.join(', ')}`,
    };
  }
  return undefined;
}

/** @param winner the rule of the same target that gets the access */
function duplication(rule: ShareAccess, winner: ShareAccess | undefined): InvalidRule | undefined {
  if (winner === undefined || winner === rule) return undefined;
  const leaving = winner.metadata.deletionTimestamp === undefined ? '' : ' and is being deleted; wait until it is gone';
  return {
    reason: 'DuplicateAccessRule',
    message: `ShareAccess ${winner.metadata.name} already gives the same ${rule.spec.accessType} access to the share${leaving}`,
  };
}

const serverError: Finding = {
  reason: 'ShareServerError',
  message: 'the share server is in error; the rule is recovered with it',
};

/** @param winners the rule that gets the access, by target */
function invalidity(
  rule: ShareAccess,
  input: RulePlanInput,
  names: UserNames,
  winners: ReadonlyMap<string, ShareAccess>,
): InvalidRule | undefined {
  return validateInBackend(rule, input) ?? duplication(rule, winners.get(targetKey(rule.spec, names)));
}
