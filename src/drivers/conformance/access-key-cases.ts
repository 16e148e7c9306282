import assert from 'node:assert/strict';
import type { ConformanceCase } from './conformance-case.ts';
import { keyOf } from './session.ts';

/** Access keys of rules. A case is skipped when the driver mints none. */
export const accessKeyCases: readonly ConformanceCase[] = [
  {
    name: 'a keyed rule gets one key, whatever the number of calls',
    run: async (session) => {
      const made = await session.makeShare();
      const rule = session.newKeyedRule(made.share);
      const request = session.accessRequest(made, [rule], { addRules: [rule] });
      const [first, again] = await session.twice((context) => session.driver.updateAccess(request, context));
      const key = keyOf(first, rule);
      assert(key.length <= 255, `the key has ${key.length} characters; 255 are allowed`);
      assert.equal(keyOf(again, rule), key);
    },
  },
  {
    name: 'rules that have no key get none',
    run: async (session) => {
      const made = await session.makeShare();
      const rule = session.fixture.newRule(made.share);
      session.newKeyedRule(made.share);
      const updates = await session.grant(made, [rule]);
      if (session.capabilities.accessKeyTypes.includes(rule.accessType)) return;
      assert.equal(updates.get(rule.id)?.accessKey, undefined);
    },
  },
  {
    name: 'a change of level keeps the key',
    run: async (session) => {
      const made = await session.makeShare();
      const rule = { ...session.newKeyedRule(made.share), accessLevel: 'rw' as const };
      const key = keyOf(await session.grant(made, [rule]), rule);
      const lowered = { ...rule, accessLevel: 'ro' as const };
      const updates = await session.updateAccess(made, [lowered], { updateRules: [lowered] });
      const answered = updates.get(rule.id)?.accessKey;
      assert(answered === undefined || answered === key, 'the change of level answered another key');
      assert.equal(keyOf(await session.updateAccess(made, [lowered]), rule), key);
    },
  },
  {
    name: 'recovery returns the keys of all rules, after a restart too',
    run: async (session) => {
      const made = await session.makeShare();
      const rules = [1, 2, 3].map(() => session.newKeyedRule(made.share));
      const unkeyed = session.fixture.newRule(made.share);
      const granted = await session.grant(made, [...rules, unkeyed]);
      for (const reopen of [false, true]) {
        if (reopen) await session.restart();
        const recovered = await session.updateAccess(made, [...rules, unkeyed]);
        for (const rule of rules) assert.equal(keyOf(recovered, rule), keyOf(granted, rule));
      }
    },
  },
  {
    name: 'recovery makes keys for rules that the storage system lost',
    run: async (session) => {
      const made = await session.makeShare();
      const rule = session.newKeyedRule(made.share);
      keyOf(await session.updateAccess(made, [rule]), rule);
    },
  },
  {
    name: 'one id on two shares of a tenant has one key, until the last of them is denied',
    run: async (session) => {
      const one = await session.makeShare();
      const two = await session.makeShare(session.tenant, one.server);
      const ruleOne = session.newKeyedRule(one.share);
      const ruleTwo = session.newKeyedRule(two.share, ruleOne.accessTo);
      const key = keyOf(await session.grant(one, [ruleOne]), ruleOne);
      assert.equal(keyOf(await session.grant(two, [ruleTwo]), ruleTwo), key);
      await session.updateAccess(one, [], { deleteRules: [ruleOne] });
      assert.equal(keyOf(await session.updateAccess(two, [ruleTwo]), ruleTwo), key);
    },
  },
  {
    name: 'an id that another tenant holds is an error of that rule and its key is not disclosed',
    run: async (session) => {
      const mine = await session.makeShare();
      const rule = session.newKeyedRule(mine.share);
      const key = keyOf(await session.grant(mine, [rule]), rule);
      const theirs = await session.makeShare(session.otherTenant);
      const taken = session.newKeyedRule(theirs.share, rule.accessTo);
      const good = session.newKeyedRule(theirs.share);
      for (const updates of [
        await session.grant(theirs, [taken, good]),
        await session.updateAccess(theirs, [taken, good]),
      ]) {
        assert.equal(updates.get(taken.id)?.state, 'error', 'the other tenant got the id');
        assert.equal(updates.get(taken.id)?.accessKey, undefined, 'the other tenant got a key');
        assert.notEqual(updates.get(good.id)?.state, 'error', 'the rule beside it failed, too');
      }
      await session.updateAccess(theirs, [good], { deleteRules: [taken] });
      assert.equal(keyOf(await session.updateAccess(mine, [rule]), rule), key, 'the first tenant lost their key');
    },
  },
];
