import type { AccessRequest, AccessUpdate, AccessUpdates, CallContext, DriverAccessRule } from '../driver.ts';
import { isAddressOrNetwork, isRecovery, ruleError } from '../kit/access-rules.ts';
import { type Owner, ownerOf } from '../kit/owner.ts';
import type { Backend } from './backend.ts';
import { grantedRulesOf } from './calls/call.ts';
import { accessTypesByProtocol } from './capabilities.ts';
import type { DummyFault } from './config.ts';
import { strikesRule } from './faults/faults.ts';
import type { AccessKeys, KeyRotation } from './storage/access-keys.ts';
import { type ShareDocument, targetOf } from './storage/documents.ts';

/** What granting rules needs besides the share. */
export interface AccessContext {
  readonly keys: AccessKeys;
  /** Whether cephx rules get keys. */
  readonly accessKeys: boolean;
  readonly owner: Owner;
  /** A fault of kind `ruleError` that strikes this call. */
  readonly fault: DummyFault | undefined;
  /** Stores the share. */
  readonly save: (share: ShareDocument) => void;
}

/** What granting rules in this call needs. */
export function accessContextOf(backend: Backend, context: CallContext, fault?: DummyFault): AccessContext {
  return {
    keys: backend.keys,
    accessKeys: backend.config.accessKeys,
    owner: ownerOf(context),
    fault,
    save: (share) => backend.storage.saveShare(share),
  };
}

/** Applies rules to a share. On a share that is gone nothing is granted: denials have succeeded. */
export function updateAccess(
  backend: Backend,
  request: AccessRequest,
  context: CallContext,
  fault: DummyFault | undefined,
): AccessUpdates {
  const share = backend.storage.findShare(request.share.id, ownerOf(context));
  if (share === undefined && grantedRulesOf(request).length === 0) return new Map();
  const existing = share ?? backend.storage.getShare(request.share, ownerOf(context));
  return updateShareAccess(existing, request, accessContextOf(backend, context, fault));
}

/**
 * Denials come first, so that a target that is denied and granted again under another rule ends granted.
 * The stored share is at every moment at least what the ids are granted on; so a call that was cut off can be repeated.
 */
function updateShareAccess(share: ShareDocument, request: AccessRequest, context: AccessContext): AccessUpdates {
  if (isRecovery(request)) return recover(share, request.accessRules, context);
  const wanted = new Set(request.accessRules.map(targetOf));
  const denied = request.deleteRules.filter((rule) => {
    const granted = share.rules[targetOf(rule)];
    return granted === undefined || granted.id === rule.id || !wanted.has(targetOf(rule));
  });
  const left = revoke(share, denied, context);
  return grant(left, [...request.addRules, ...request.updateRules], context);
}

/** What an update of a security service changed about a share's keyed rules; with a rotation they get new keys. */
export function updateShareKeys(
  share: ShareDocument,
  rules: readonly DriverAccessRule[],
  rotation: KeyRotation | undefined,
  context: AccessContext,
): AccessUpdates {
  const granted = rules.filter((rule) => rule.accessType === 'cephx' && share.rules[targetOf(rule)] !== undefined);
  if (rotation !== undefined) {
    for (const rule of granted) context.keys.rotate(rule.accessTo, context.owner, rotation);
  }
  return grant(share, granted, context);
}

/** Takes every rule off a share that is being deleted. */
export function revokeAll(share: ShareDocument, context: AccessContext): void {
  revoke(share, Object.values(share.rules), context);
}

function recover(share: ShareDocument, rules: readonly DriverAccessRule[], context: AccessContext): AccessUpdates {
  const wanted = new Set(rules.map(targetOf));
  const leftovers = Object.values(share.rules).filter((rule) => !wanted.has(targetOf(rule)));
  const { reapplyAccess: _, ...rest } = revoke(share, leftovers, context);
  return grant(rest, rules, context);
}

function revoke(share: ShareDocument, rules: readonly DriverAccessRule[], context: AccessContext): ShareDocument {
  if (rules.length === 0) return share;
  const left = { ...share.rules };
  for (const rule of rules) {
    if (rule.accessType === 'cephx') context.keys.revoke(rule.accessTo, context.owner, share.id);
    delete left[targetOf(rule)];
  }
  const remaining = { ...share, rules: left };
  context.save(remaining);
  return remaining;
}

function grant(share: ShareDocument, rules: readonly DriverAccessRule[], context: AccessContext): AccessUpdates {
  const updates = new Map<string, AccessUpdate>();
  const accepted: DriverAccessRule[] = [];
  for (const rule of rules) {
    const reason = refusalOf(share, rule, context);
    if (reason === undefined) accepted.push(rule);
    else updates.set(rule.id, ruleError(reason));
  }
  const granted = Object.fromEntries(
    accepted.map(({ id, name, accessType, accessTo, accessLevel }) => [
      targetOf({ accessType, accessTo }),
      { id, name, accessType, accessTo, accessLevel },
    ]),
  );
  context.save({ ...share, rules: { ...share.rules, ...granted } });
  for (const rule of accepted) updates.set(rule.id, grantKey(share, rule, context));
  return updates;
}

function grantKey(share: ShareDocument, rule: DriverAccessRule, context: AccessContext): AccessUpdate {
  if (rule.accessType !== 'cephx') return {};
  const accessKey = context.keys.grant(rule.accessTo, context.owner, share.id);
  return context.accessKeys ? { accessKey } : {};
}

/** Why the backend does not grant the rule, in one line; undefined when it does. */
function refusalOf(share: ShareDocument, rule: DriverAccessRule, context: AccessContext): string | undefined {
  const { accessType, accessTo } = rule;
  if (context.fault?.kind === 'ruleError' && strikesRule(context.fault, accessTo)) {
    return context.fault.message ?? `the dummy backend was told to refuse ${accessType} ${accessTo}`;
  }
  if (!accessTypesByProtocol[share.protocol].includes(accessType)) {
    return `access type ${accessType} is not supported for ${share.protocol} shares`;
  }
  if (accessType === 'ip' && !isAddressOrNetwork(accessTo)) {
    return `${JSON.stringify(accessTo)} is neither an IP address nor a network in CIDR notation`;
  }
  if (accessType === 'cephx' && !context.keys.mayUse(accessTo, context.owner)) {
    return `the cephx id ${JSON.stringify(accessTo)} can't be used on this backend; choose another one`;
  }
  return undefined;
}
