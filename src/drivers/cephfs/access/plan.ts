import type { DriverAccessRule, RuleLists } from '../../driver.ts';
import { isRecovery } from '../../kit/access-rules.ts';
import type { CephLevel } from '../subvolumes/subvolumes.ts';

/** A cephx id to be authorized on a share. */
export interface Grant {
  readonly ruleID: string;
  readonly authID: string;
  readonly level: CephLevel;
  /** Whether clients that are connected may do more than the rule allows: they are thrown out once it is applied. */
  readonly downgrade: boolean;
}

/** What one updateAccess does. Denials come first, so that an id that is denied and granted again ends granted. */
export interface AccessPlan {
  /** Cephx ids. */
  readonly denials: readonly string[];
  readonly grants: readonly Grant[];
  /** Why a rule can't be granted, by its id. */
  readonly refusals: ReadonlyMap<string, string>;
}

/** Ids that Ceph or its administrators use, whether they exist on this cluster or not. */
const reservedIDs = /^(admin|crash|bootstrap-.*)$/;

/** Whether an id is not for tenants: it is never granted, denied or evicted. */
export function isReserved(authID: string, operatorUser: string): boolean {
  return authID === operatorUser || reservedIDs.test(authID);
}

/** Says what an updateAccess has to do, given who is authorized on the share at present. */
export function planAccess(
  lists: RuleLists,
  authorized: ReadonlyMap<string, CephLevel>,
  operatorUser: string,
): AccessPlan {
  const { accessRules, addRules, updateRules, deleteRules } = lists;
  const recovery = isRecovery(lists);
  const refusals = new Map<string, string>();
  const grantable = (rule: DriverAccessRule): boolean => {
    const reason = refusalOf(rule, operatorUser);
    if (reason !== undefined) refusals.set(rule.id, reason);
    return reason === undefined;
  };
  const wanted = accessRules.filter((rule) => refusalOf(rule, operatorUser) === undefined);
  const wantedIDs = new Set(wanted.map((rule) => rule.accessTo));
  const leaving = recovery ? [...authorized.keys()] : deleteRules.filter(isCephx).map((rule) => rule.accessTo);
  const updated = new Set(updateRules.map(({ id }) => id));
  return {
    denials: [...new Set(leaving)].filter((authID) => !wantedIDs.has(authID) && isDeniable(authID, operatorUser)),
    grants: (recovery ? accessRules : [...addRules, ...updateRules]).filter(grantable).map((rule) => {
      const level = levelOf(rule);
      // A call that was cut off may have changed the level and not thrown anybody out.
      const downgrade = level === 'r' && (authorized.get(rule.accessTo) === 'rw' || updated.has(rule.id));
      return { ruleID: rule.id, authID: rule.accessTo, level, downgrade };
    }),
    refusals,
  };
}

function refusalOf(rule: DriverAccessRule, operatorUser: string): string | undefined {
  const { accessType, accessTo } = rule;
  if (!isCephx(rule)) return `access type ${accessType} is not supported on this backend; use cephx`;
  if (!isFileName(accessTo)) return `the cephx id ${JSON.stringify(accessTo)} contains "/", which CephFS can't store`;
  return isReserved(accessTo, operatorUser) ? foreignID(accessTo) : undefined;
}

/** Why an id that is not the tenant's is refused. The same text for all of them: it tells nothing about the other user. */
export function foreignID(authID: string): string {
  return `the cephx id ${JSON.stringify(authID)} can't be used: Ceph has it for someone else; choose another one`;
}

function isDeniable(authID: string, operatorUser: string): boolean {
  return isFileName(authID) && !isReserved(authID, operatorUser);
}

/** Ceph keeps a file for each id, named after it. */
function isFileName(authID: string): boolean {
  return !authID.includes('/');
}

function isCephx({ accessType }: DriverAccessRule): boolean {
  return accessType === 'cephx';
}

function levelOf({ accessLevel }: DriverAccessRule): CephLevel {
  return accessLevel === 'ro' ? 'r' : 'rw';
}
