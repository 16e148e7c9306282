import type { ShareAccess, ShareAccessSpec } from '../api/v1alpha1/share-access.ts';
import { compare } from '../values/compare.ts';
import { formatAddress, parseAddress, parseNetwork } from '../values/ip-address.ts';
import { safeText } from '../values/safe-text.ts';
import { canonicalUser, manilaNames, type UserNames, userNameFault } from './user-names.ts';

/** The part of a rule that says who gets access. */
export type RuleTarget = Pick<ShareAccessSpec, 'accessType' | 'accessTo'>;

/** Line and paragraph separators break lines; invisible characters and those that change the text direction make a name look like another. */
const invisible = 'must not contain control or invisible characters';
const controlCharacter = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

/**
 * Validates the format of an access rule's target and level.
 * @param names how the directory behind the share names users
 * @returns one sentence that says what is wrong; undefined for a valid rule
 */
export function validateRule(
  spec: RuleTarget & Pick<ShareAccessSpec, 'accessLevel'>,
  names: UserNames = manilaNames,
): string | undefined {
  const { accessType, accessTo, accessLevel = 'rw' } = spec;
  if (!['rw', 'ro'].includes(accessLevel)) return `accessLevel ${quoted(accessLevel)} must be rw or ro`;
  if (!['ip', 'user', 'cert', 'cephx'].includes(accessType)) {
    return `accessType ${quoted(accessType)} must be ip, user, cert or cephx`;
  }
  const problem = targetProblem(accessType, accessTo, names);
  return problem === undefined ? undefined : `accessTo ${quoted(accessTo)} of type ${accessType} ${problem}`;
}

/** Canonical spellings of all targets but users, by spec: cached specs never change. */
const targetKeys = new WeakMap<RuleTarget, string>();

/**
 * The target in its canonical spelling, which is equal for two rules for the same client: networks are compared as such
 * (`10.0.0.1` is `10.0.0.1/32`), users as their directory compares them, everything else literally.
 */
export function targetKey(target: RuleTarget, names: UserNames = manilaNames): string {
  if (target.accessType === 'user') return `user:${canonicalUser(target.accessTo, names)}`;
  let key = targetKeys.get(target);
  if (key === undefined) {
    key = `${target.accessType}:${canonicalTarget(target.accessType, target.accessTo)}`;
    targetKeys.set(target, key);
  }
  return key;
}

/** Whether two rules are for the same client. */
export function sameTarget(left: RuleTarget, right: RuleTarget, names: UserNames = manilaNames): boolean {
  return targetKey(left, names) === targetKey(right, names);
}

/**
 * Finds the rule of each target that wins: the applied one, then the older, then the one with the lower uid. A rule that is being
 * deleted and was never applied does not compete.
 * @param rules of one share
 */
export function winnersByTarget(
  rules: Iterable<ShareAccess>,
  names: UserNames = manilaNames,
): ReadonlyMap<string, ShareAccess> {
  const winners = new Map<string, ShareAccess>();
  for (const rule of rules) {
    if (!isApplied(rule) && rule.metadata.deletionTimestamp !== undefined) continue;
    const key = targetKey(rule.spec, names);
    const present = winners.get(key);
    if (present === undefined || byPrecedence(rule, present) < 0) winners.set(key, rule);
  }
  return winners;
}

/**
 * Finds the rule of the same share and target that wins over this one.
 * @param others rules of the same namespace; the rule itself may be among them
 * @returns undefined when there is none, or when `rule` itself wins
 */
export function duplicateOf(
  rule: ShareAccess,
  others: readonly ShareAccess[],
  names: UserNames = manilaNames,
): ShareAccess | undefined {
  const rivals = others.filter((other) => other.spec.shareName === rule.spec.shareName && !isSame(other, rule));
  const winner = winnersByTarget(rivals, names).get(targetKey(rule.spec, names));
  return winner !== undefined && byPrecedence(winner, rule) < 0 ? winner : undefined;
}

function targetProblem(
  accessType: RuleTarget['accessType'],
  accessTo: string,
  names: UserNames = manilaNames,
): string | undefined {
  switch (accessType) {
    case 'ip':
      return ipProblem(accessTo);
    case 'user':
      return controlCharacter.test(accessTo) ? invisible : userNameFault(accessTo, names);
    case 'cert':
      return certProblem(accessTo);
    case 'cephx':
      return cephxProblem(accessTo);
  }
}

function ipProblem(text: string): string | undefined {
  if (parseAddress(text) !== undefined) return undefined;
  const network = parseNetwork(text);
  if (network === undefined) {
    return 'must be an IPv4 or IPv6 address or a CIDR, without leading zeros or a zone';
  }
  if (!network.hostBits) return undefined;
  const wanted = `${formatAddress({ family: network.family, value: network.first })}/${network.prefixLength}`;
  return `has bits beyond its prefix: the network is ${wanted}`;
}

function certProblem(text: string): string | undefined {
  const name = text.trim();
  const { length } = [...name];
  if (length < 1 || length > 64) {
    return `must have 1 to 64 characters besides spaces at the ends, not ${length}`;
  }
  if (controlCharacter.test(text)) return invisible;
  return /^[-@]|%/.test(name) ? 'must not begin with "-" or "@" nor contain "%"' : undefined;
}

function cephxProblem(text: string): string | undefined {
  const { length } = [...text];
  if (length < 1 || length > 64) return `must have 1 to 64 characters, not ${length}`;
  if (!/^[\x20-\x7e]+$/.test(text)) return 'must be printable ASCII';
  if (/[.%]/.test(text)) return 'must not contain a dot or "%"';
  return /^[-@ ]/.test(text) ? 'must not begin with "-", "@" or a space' : undefined;
}

function canonicalTarget(accessType: string, accessTo: string): string {
  if (accessType === 'cert') return accessTo.trim();
  if (accessType !== 'ip') return accessTo;
  const address = parseAddress(accessTo);
  if (address !== undefined) return `${formatAddress(address)}/${address.family === 4 ? 32 : 128}`;
  const network = parseNetwork(accessTo);
  // An invalid target is no duplicate of a valid one.
  if (network === undefined || network.hostBits) return accessTo;
  return `${formatAddress({ family: network.family, value: network.first })}/${network.prefixLength}`;
}

function isSame(left: ShareAccess, right: ShareAccess): boolean {
  if (left.metadata.uid !== undefined && right.metadata.uid !== undefined) {
    return left.metadata.uid === right.metadata.uid;
  }
  // A rule that is just being created has no uid yet in a dry run.
  return left.metadata.name === right.metadata.name;
}

function isApplied({ status }: ShareAccess): boolean {
  return status?.phase === 'active' || status?.accessLevel !== undefined;
}

/** Orders rules: the applied one comes first, then the older, then the one with the lower uid. */
export function byPrecedence(left: ShareAccess, right: ShareAccess): number {
  return (
    Number(isApplied(right)) - Number(isApplied(left)) ||
    compare(age(left), age(right)) ||
    compare(left.metadata.uid ?? '', right.metadata.uid ?? '')
  );
}

/** Creation time as the API server writes it, which sorts as text; a rule that is not stored yet is the newest. */
function age({ metadata: { creationTimestamp } }: ShareAccess): string {
  return creationTimestamp ?? '~';
}

/** Quoted and escaped, at most 64 characters: the text comes from the tenant. */
function quoted(text: string): string {
  return safeText(JSON.stringify([...text].slice(0, 64).join('')));
}
