import assert from 'node:assert/strict';
import type { DriverAccessRule } from '../driver.ts';
import type { ConformanceCase } from './conformance-case.ts';
import type { ConformanceSession, MadeShare } from './session.ts';

/** Access rules. */
export const accessCases: readonly ConformanceCase[] = [
  {
    name: 'granting rules again succeeds',
    run: async (session) => {
      const made = await session.makeShare();
      const rules = [session.fixture.newRule(made.share), session.fixture.newRule(made.share)];
      const request = session.accessRequest(made, rules, { addRules: rules });
      const [first, again] = await session.twice((context) => session.driver.updateAccess(request, context));
      assert.deepEqual(errorsOf(first), []);
      assert.deepEqual(again, first);
      await requireGranted(session, made, rules);
    },
  },
  {
    name: 'denying rules again succeeds',
    run: async (session) => {
      const made = await session.makeShare();
      const rules = [session.fixture.newRule(made.share), session.fixture.newRule(made.share)];
      const [denied, ...kept] = rules;
      assert(denied);
      await session.grant(made, rules);
      const request = session.accessRequest(made, kept, { deleteRules: [denied] });
      await session.twice((context) => session.driver.updateAccess(request, context));
      await requireGranted(session, made, kept);
    },
  },
  {
    name: 'denying a rule that was never granted succeeds',
    run: async (session) => {
      const made = await session.makeShare();
      await session.updateAccess(made, [], { deleteRules: [session.fixture.newRule(made.share)] });
    },
  },
  {
    name: 'denying a rule on a share that is gone succeeds',
    run: async (session) => {
      const made = await session.makeShare();
      const rule = session.fixture.newRule(made.share);
      await session.grant(made, [rule]);
      const { tenant: _, ...request } = made;
      await session.driver.deleteShare(request, session.context());
      await session.updateAccess(made, [], { deleteRules: [rule] });
    },
  },
  {
    name: 'one bad rule fails alone, with a reason',
    run: async (session) => {
      const made = await session.makeShare();
      const good = [session.fixture.newRule(made.share), session.fixture.newRule(made.share)];
      const bad = session.fixture.badRule(made.share);
      const [first, ...rest] = good;
      assert(first);
      const rules = [first, bad, ...rest];
      const updates = await session.grant(made, rules);
      requireOnlyError(updates, bad);
      await requireGranted(session, made, good);
      requireOnlyError(await session.updateAccess(made, rules), bad);
      await requireGranted(session, made, good);
    },
  },
  {
    name: 'a change of level is applied and can be repeated',
    run: async (session) => {
      if (session.capabilities.accessLevels.length < 2) return;
      const made = await session.makeShare();
      const rule: DriverAccessRule = { ...session.fixture.newRule(made.share), accessLevel: 'rw' };
      await session.grant(made, [rule]);
      const lowered: DriverAccessRule = { ...rule, accessLevel: 'ro' };
      const request = session.accessRequest(made, [lowered], { updateRules: [lowered] });
      const [first, again] = await session.twice((context) => session.driver.updateAccess(request, context));
      assert.deepEqual(errorsOf(first), []);
      assert.deepEqual(again, first);
      await requireGranted(session, made, [lowered]);
    },
  },
  {
    name: 'recovery grants what is missing and revokes what is not wanted',
    run: async (session) => {
      const made = await session.makeShare();
      const [kept, leftover, missing] = [1, 2, 3].map(() => session.fixture.newRule(made.share));
      assert(kept && leftover && missing);
      await session.grant(made, [kept, leftover]);
      await session.restart();
      const updates = await session.updateAccess(made, [kept, missing]);
      assert.deepEqual(errorsOf(updates), []);
      await requireGranted(session, made, [kept, missing]);
      await session.updateAccess(made, [kept, missing]);
      await requireGranted(session, made, [kept, missing]);
      await session.updateAccess(made, []);
      await requireGranted(session, made, []);
    },
  },
];

function errorsOf(updates: ReadonlyMap<string, { state?: 'error'; reason?: string }>): string[] {
  return [...updates.values()].filter(({ state }) => state === 'error').map(({ reason }) => reason ?? 'no reason');
}

function requireOnlyError(
  updates: ReadonlyMap<string, { state?: 'error'; reason?: string }>,
  bad: DriverAccessRule,
): void {
  const failed = [...updates].filter(([, { state }]) => state === 'error').map(([id]) => id);
  assert.deepEqual(failed, [bad.id], 'exactly the bad rule must be in error');
  const reason = updates.get(bad.id)?.reason ?? '';
  assert(reason.trim() !== '', 'the bad rule has no reason');
  assert(!reason.includes('\n'), 'the reason has more than one line');
}

/** Looks at the storage system, where the fixture can. */
async function requireGranted(
  session: ConformanceSession,
  { share }: MadeShare,
  rules: readonly DriverAccessRule[],
): Promise<void> {
  const granted = await session.fixture.grantedRules?.(share);
  if (granted === undefined) return;
  const lines = (list: readonly Pick<DriverAccessRule, 'accessType' | 'accessTo' | 'accessLevel'>[]): string[] =>
    list.map(({ accessType, accessTo, accessLevel }) => `${accessType} ${accessTo} ${accessLevel}`).sort();
  assert.deepEqual(lines(granted), lines(rules), 'the storage system grants something else');
}
