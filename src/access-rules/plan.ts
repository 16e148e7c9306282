import type { BackendCapabilities, ShareProtocol } from '../api/v1alpha1/backend-capabilities.ts';
import { findCondition } from '../api/v1alpha1/conditions.ts';
import { finalizer } from '../api/v1alpha1/labels.ts';
import type { Reason } from '../api/v1alpha1/reasons/reason.ts';
import type { ShareAccess } from '../api/v1alpha1/share-access.ts';
import type { ShareServer } from '../api/v1alpha1/share-server.ts';
import { byPrecedence, duplicateOf, targetKey, validateRule, winnersByTarget } from './rule-target.ts';
import { type UserNames, userNamesOf } from './user-names.ts';

/** Most rules that a share can have. */
const maxRules = 1000;

/** What is known about the share that rules are planned for. */
export interface RulePlanInput {
  readonly rules: readonly ShareAccess[];
  readonly protocol: ShareProtocol;
  /** What the backend can do; undefined while it was never probed. */
  readonly capabilities: BackendCapabilities | undefined;
  /** Whether the backend reserves a cephx id for other namespaces; absent: it reserves none. */
  readonly isReservedID?: ((id: string) => boolean) | undefined;
  /** The share's server, where the backend handles share servers and it is known. */
  readonly server?: Pick<ShareServer, 'status'> | undefined;
  /** The share is being deleted: its rules are taken away and wait for another share of that name. */
  readonly shareIsLeaving: boolean;
  /** The share server failed: only denials are tried. */
  readonly serverFailed: boolean;
  /** Rules that are left alone. */
  readonly isPaused: (rule: ShareAccess) => boolean;
  /** Rules that are to be tried again although they failed. */
  readonly isAskedFor: (rule: ShareAccess) => boolean;
}

/** A rule with why it can't be applied. */
export interface RuleProblem {
  readonly rule: ShareAccess;
  readonly reason: Reason;
  readonly message: string;
}

/** What is to be done for the rules of one share. */
export interface RulePlan {
  readonly add: readonly ShareAccess[];
  readonly update: readonly ShareAccess[];
  /** To be taken away on the backend. */
  readonly deny: readonly ShareAccess[];
  /** Rules as the backend should have them afterwards, with `add` and `update`. */
  readonly keep: readonly ShareAccess[];
  /** Rules that can't be applied and whose status has to say so. */
  readonly problems: readonly RuleProblem[];
  /** In error because of their share server. */
  readonly hitByServer: readonly ShareAccess[];
}

/** Reasons of errors that the operator finds by itself: they are judged anew each time. A pause covers the reason before it. */
const judgedReasons = new Set([
  'Paused',
  'InvalidAccessRule',
  'AccessTypeNotSupported',
  'AccessLevelNotSupported',
  'AccessIDReserved',
  'DuplicateAccessRule',
  'ShareServerError',
  'AccessKeySecretConflict',
  'TooManyAccessRules',
  'WriteRefused',
]);

/** Whether the backend may have the rule: the finalizer comes before the first call. */
export function mayBeGranted(rule: ShareAccess): boolean {
  return rule.metadata.finalizers?.includes(finalizer) === true;
}

/** Reason of the rule's Ready condition. */
export function readyReason(rule: ShareAccess): string | undefined {
  return findCondition(rule.status?.conditions, 'Ready')?.reason;
}

/** Turns the rules of one share into what the driver has to be asked for. */
export function planRules(input: RulePlanInput): RulePlan {
  const add: ShareAccess[] = [];
  const update: ShareAccess[] = [];
  const deny: ShareAccess[] = [];
  const keep: ShareAccess[] = [];
  const problems: RuleProblem[] = [];
  const hitByServer: ShareAccess[] = [];
  // The limit comes first: what is beyond it costs one comparison, whatever its target is.
  const surplus = surplusOf(input.rules);
  const names = userNamesOf(input.capabilities, input.server);
  const winners = winnersByTarget(
    input.rules.filter((rule) => !surplus.has(rule)),
    names,
  );
  for (const rule of input.rules) {
    const applied = rule.status?.accessLevel;
    if (input.isPaused(rule)) {
      // Left as it is on the backend, whatever its phase says, also while it waits to be denied.
      if (applied !== undefined && mayBeGranted(rule)) keep.push(rule);
      continue;
    }
    if (rule.metadata.deletionTimestamp !== undefined || input.shareIsLeaving) {
      if (mayBeGranted(rule)) deny.push(rule);
      continue;
    }
    const problem = surplus.has(rule) ? tooMany : problemOf(rule, input, names, winners);
    if (problem !== undefined) {
      problems.push({ rule, ...problem });
      continue;
    }
    const inError = rule.status?.phase === 'error';
    if (inError && readyReason(rule) === 'ShareServerError') {
      hitByServer.push(rule);
      continue;
    }
    const final = inError && !judgedReasons.has(readyReason(rule) ?? '') && !isChanged(rule);
    // Refused by the backend: left alone until somebody changes it or asks.
    if (final && !input.isAskedFor(rule)) continue;
    const wanted = rule.spec.accessLevel ?? 'rw';
    if (applied === undefined || inError) add.push(rule);
    else if (applied !== wanted || input.isAskedFor(rule) || mayHaveBeenUpdated(rule)) update.push(rule);
    else keep.push(rule);
  }
  return { add, update, deny, keep, problems, hitByServer };
}

/** Whether the spec changed since the rule was last judged. */
function isChanged(rule: ShareAccess): boolean {
  return rule.status?.observedGeneration !== rule.metadata.generation;
}

/**
 * Whether the backend may have another level than the status says: an operator that died may have had one applied that was taken
 * back since.
 */
function mayHaveBeenUpdated(rule: ShareAccess): boolean {
  return isChanged(rule) || rule.status?.phase !== 'active';
}

const tooMany = {
  reason: 'TooManyAccessRules',
  message: `a share can have ${maxRules} access rules; the applied ones and then the older ones come first`,
} as const;

/** Rules beyond the number that a share can have. */
function surplusOf(rules: readonly ShareAccess[]): ReadonlySet<ShareAccess> {
  if (rules.length <= maxRules) return new Set();
  return new Set(rules.filter(isStaying).sort(byPrecedence).slice(maxRules));
}

function isStaying({ metadata }: ShareAccess): boolean {
  return metadata.deletionTimestamp === undefined;
}

/** What a rule by itself is judged on: what its share's protocol and backend are known to take. */
export type RuleSurroundings = Pick<RulePlanInput, 'protocol' | 'capabilities' | 'isReservedID' | 'server'>;

/** Why a rule is never applied as it is, whatever its share and server do. */
export interface LastingRuleProblem {
  readonly reason:
    | 'InvalidAccessRule'
    | 'AccessTypeNotSupported'
    | 'AccessLevelNotSupported'
    | 'AccessIDReserved'
    | 'DuplicateAccessRule'
    | 'TooManyAccessRules';
  readonly message: string;
}

/**
 * Judges a rule that is to join others of its share.
 * @param rule not stored yet: without a UID and a creation time
 * @param others the share's rules
 * @param surroundings absent while the share is not known
 */
export function problemOfNewRule(
  rule: ShareAccess,
  others: readonly ShareAccess[],
  surroundings: RuleSurroundings | undefined,
): LastingRuleProblem | undefined {
  // The youngest of all: it is beyond the limit when the others reach it.
  if (others.filter(isStaying).length >= maxRules) return tooMany;
  return (
    problemWithin(rule, surroundings) ??
    duplication(rule, duplicateOf(rule, others, userNamesOf(surroundings?.capabilities, surroundings?.server)))
  );
}

/** Judges a rule by itself: its format, and what its backend takes. */
export function problemWithin(
  { spec, status }: ShareAccess,
  surroundings: RuleSurroundings | undefined,
): LastingRuleProblem | undefined {
  const { capabilities, protocol, server, isReservedID } = surroundings ?? {};
  const invalid = validateRule(spec, userNamesOf(capabilities, server));
  if (invalid !== undefined) return { reason: 'InvalidAccessRule', message: invalid };
  const { accessType, accessLevel = 'rw' } = spec;
  // A reservation that comes later takes no access away.
  if (accessType === 'cephx' && status?.accessLevel === undefined && isReservedID?.(spec.accessTo)) {
    return {
      reason: 'AccessIDReserved',
      message: `the cephx id ${JSON.stringify(spec.accessTo)} is reserved on this backend; choose another one, or ask the administrator of the storage for it`,
    };
  }
  if (capabilities === undefined || protocol === undefined) return undefined;
  const types = capabilities.accessTypesByProtocol[protocol] ?? [];
  if (!types.includes(accessType)) {
    return {
      reason: 'AccessTypeNotSupported',
      message: `the backend takes no rules of type ${accessType} on ${protocol} shares; it takes: ${types.join(', ') || 'none'}`,
    };
  }
  if (!capabilities.accessLevels.includes(accessLevel)) {
    return {
      reason: 'AccessLevelNotSupported',
      message: `the backend does not know level ${accessLevel}; it knows: ${capabilities.accessLevels.join(', ')}`,
    };
  }
  return undefined;
}

/** @param winner the rule of the same target that gets the access */
function duplication(rule: ShareAccess, winner: ShareAccess | undefined): LastingRuleProblem | undefined {
  if (winner === undefined || winner === rule) return undefined;
  const leaving = winner.metadata.deletionTimestamp === undefined ? '' : ' and is being deleted: wait until it is gone';
  return {
    reason: 'DuplicateAccessRule',
    message: `ShareAccess ${winner.metadata.name} gives the same ${rule.spec.accessType} access to the share already${leaving}`,
  };
}

/** @param winners the rule that gets the access, by target */
function problemOf(
  rule: ShareAccess,
  input: RulePlanInput,
  names: UserNames,
  winners: ReadonlyMap<string, ShareAccess>,
): Omit<RuleProblem, 'rule'> | undefined {
  const lasting = problemWithin(rule, input) ?? duplication(rule, winners.get(targetKey(rule.spec, names)));
  if (lasting !== undefined) return lasting;
  if (input.serverFailed) {
    return {
      reason: 'ShareServerError',
      message: 'the share server is in error; the rule comes back with it',
    };
  }
  return undefined;
}
