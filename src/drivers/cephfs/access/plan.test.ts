import { describe, expect, test } from 'vitest';
import type { DriverAccessRule, RuleLists } from '../../driver.ts';
import type { CephLevel } from '../subvolumes/subvolumes.ts';
import { planAccess } from './plan.ts';

const rule = (accessTo: string, changes: Partial<DriverAccessRule> = {}): DriverAccessRule => ({
  id: `rule-${accessTo}`,
  name: accessTo,
  accessType: 'cephx',
  accessTo,
  accessLevel: 'rw',
  ...changes,
});
const grant = (authID: string, level: CephLevel = 'rw', downgrade = false) => ({
  ruleID: `rule-${authID}`,
  authID,
  level,
  downgrade,
});
const plan = (lists: Partial<RuleLists>, authorized: Record<string, CephLevel> = {}) =>
  planAccess(
    { accessRules: [], addRules: [], updateRules: [], deleteRules: [], ...lists },
    new Map(Object.entries(authorized)),
    'sharenet',
  );

const alice = rule('alice');
const readingAlice = rule('alice', { accessLevel: 'ro' });
const bob = rule('bob');

describe('a change', () => {
  test('grants what is added and denies what is deleted, and leaves the rest alone', () => {
    const lists = { accessRules: [alice, bob], addRules: [bob], deleteRules: [rule('carol')] };
    expect(plan(lists, { alice: 'rw', carol: 'rw', dave: 'rw' })).toEqual({
      denials: ['carol'],
      grants: [grant('bob')],
      refusals: new Map(),
    });
  });

  test('denies what Ceph does not list, too: the call may have been cut off half way', () => {
    expect(plan({ deleteRules: [alice] }).denials).toEqual(['alice']);
  });

  test('does not deny an id that another rule wants', () => {
    const lists = { accessRules: [alice], addRules: [alice], deleteRules: [rule('alice', { id: 'old' })] };
    expect(plan(lists, { alice: 'rw' }).denials).toEqual([]);
  });

  test('to a lower level throws clients out, also when it was applied before', () => {
    const lists = { accessRules: [readingAlice], updateRules: [readingAlice] };
    expect(plan(lists, { alice: 'rw' }).grants).toEqual([grant('alice', 'r', true)]);
    expect(plan(lists, { alice: 'r' }).grants).toEqual([grant('alice', 'r', true)]);
  });

  test('to a higher level disconnects no one', () => {
    expect(plan({ accessRules: [alice], updateRules: [alice] }, { alice: 'r' }).grants).toEqual([grant('alice')]);
  });

  test('that adds a reader disconnects no one, unless the reader could write', () => {
    const lists = { accessRules: [readingAlice], addRules: [readingAlice] };
    expect(plan(lists).grants).toEqual([grant('alice', 'r')]);
    expect(plan(lists, { alice: 'rw' }).grants).toEqual([grant('alice', 'r', true)]);
  });
});

describe('recovery', () => {
  test('grants every rule and denies everybody else', () => {
    expect(plan({ accessRules: [alice, bob] }, { alice: 'rw', carol: 'r' })).toEqual({
      denials: ['carol'],
      grants: [grant('alice'), grant('bob')],
      refusals: new Map(),
    });
  });

  test('without rules denies everybody', () => {
    expect(plan({}, { alice: 'rw', bob: 'r' }).denials).toEqual(['alice', 'bob']);
  });

  test('throws out who may write and should not', () => {
    expect(plan({ accessRules: [readingAlice] }, { alice: 'rw' }).grants).toEqual([grant('alice', 'r', true)]);
    expect(plan({ accessRules: [readingAlice] }, { alice: 'r' }).grants).toEqual([grant('alice', 'r')]);
  });

  test('leaves alone the ids of Ceph and of the operator, whoever authorized them', () => {
    expect(plan({}, { admin: 'rw', sharenet: 'rw', 'bootstrap-osd': 'rw', crash: 'r' }).denials).toEqual([]);
  });
});

describe('a rule is refused alone', () => {
  const cases: readonly (readonly [what: string, refused: DriverAccessRule, reason: RegExp])[] = [
    ['of another type', rule('192.0.2.1', { accessType: 'ip' }), /access type ip is not supported/],
    ['for the administrator', rule('admin'), /"admin" can't be used/],
    ['for the user of the operator', rule('sharenet'), /"sharenet" can't be used/],
    ['for a user that Ceph may make', rule('bootstrap-mds'), /"bootstrap-mds" can't be used/],
    ['for an id that is a path', rule('../admin'), /contains "\/"/],
  ];
  test.each(cases)('%s', (_, refused, reason) => {
    const added = plan({ accessRules: [refused, alice], addRules: [refused, alice] });
    expect(added.grants).toEqual([grant('alice')]);
    expect([...added.refusals]).toEqual([[refused.id, expect.stringMatching(reason)]]);
    expect(plan({ deleteRules: [refused] }).denials).toEqual([]);
  });

  test('and does not keep what is on the list in recovery', () => {
    const refused = rule('alice', { accessType: 'user' });
    expect(plan({ accessRules: [refused] }, { alice: 'rw' }).denials).toEqual(['alice']);
  });
});
