import { afterAll, beforeAll, expect, test } from 'vitest';
import type { DriverAccessRule } from '../../../src/drivers/driver.ts';
import { DriverError } from '../../../src/drivers/errors.ts';
import { eventually } from '../../faults/eventually.ts';
import { CephFSRig, cephxRule, type MadeShare, newID } from './rig.ts';

let rig: CephFSRig;
beforeAll(async () => {
  rig = await CephFSRig.start();
});
afterAll(() => rig?.stop());

/** Calls until a call succeeds; every failure before must be one that is tried again. */
async function untilSucceeds<Result>(what: string, call: () => Promise<Result>): Promise<Result> {
  const results: Result[] = [];
  await eventually(
    what,
    async () => {
      try {
        results.push(await call());
        return true;
      } catch (error) {
        if (!(error instanceof DriverError)) throw error;
        expect(error, `${error.reason}: ${error.message}: ${error.detail}`).toMatchObject({ kind: 'Unavailable' });
        return false;
      }
    },
    90_000,
  );
  const [result] = results;
  if (result === undefined) throw new Error('no result');
  return result;
}

async function leftoversOf(rules: readonly DriverAccessRule[]): Promise<string[]> {
  const users = await Promise.all(rules.map(async ({ accessTo }) => ((await rig.user(accessTo)) ? [accessTo] : [])));
  return users.flat();
}

test('while the manager hangs calls end by their bound, and go on when it is back', async () => {
  const made = await rig.makeShare();
  const rule = cephxRule(newID());
  await rig.lab.pause('mgr.x');
  try {
    const lists = { accessRules: [rule], addRules: [rule], updateRules: [], deleteRules: [] };
    const context = rig.context({ signal: AbortSignal.timeout(1_000) });
    const started = performance.now();
    const call = rig.driver.updateAccess({ share: made.share, ...lists }, context);
    await expect(call).rejects.toMatchObject({ kind: 'Unavailable', reason: 'OperationTimeout' });
    expect(performance.now() - started).toBeLessThan(2_000);
  } finally {
    await rig.lab.resume('mgr.x');
  }
  expect((await untilSucceeds('the rule is granted', () => rig.grant(made, rule))).accessKey).toBeDefined();
});

test('while the manager restarts every failure is one that is tried again', { timeout: 180_000 }, async () => {
  const made = await rig.makeShare();
  const rule = cephxRule(newID());
  const key = await rig.grantKey(made, rule);
  await rig.lab.kill('mgr.x');
  const recovered = untilSucceeds('the rule is recovered', async () =>
    rig.driver.updateAccess(
      { share: made.share, accessRules: [rule], addRules: [], updateRules: [], deleteRules: [] },
      rig.context({ signal: AbortSignal.timeout(3_000) }),
    ),
  );
  await rig.lab.startDaemon('mgr.x');
  expect((await recovered).get(rule.id)).toEqual({ accessKey: key });
  const signal = AbortSignal.timeout(10_000);
  await untilSucceeds('the probe succeeds', () => rig.driver.getCapabilities(rig.context({ signal })));
});

test('a manager killed at any moment loses no key and leaves no id behind', { timeout: 600_000 }, async () => {
  const made = await rig.makeShare();
  for (const delayMs of [40, 150]) {
    const rules = Array.from({ length: 6 }, () => cephxRule(newID()));
    const call = (lists: Partial<Record<'addRules' | 'deleteRules', readonly DriverAccessRule[]>>) =>
      rig.driver.updateAccess(
        {
          share: made.share,
          accessRules: lists.addRules ?? [],
          addRules: [],
          updateRules: [],
          deleteRules: [],
          ...lists,
        },
        rig.context({ signal: AbortSignal.timeout(5_000) }),
      );
    await killManagerDuring(delayMs, call({ addRules: rules }));
    const updates = await untilSucceeds('the rules are granted', () => call({ addRules: rules }));
    expect([...updates.values()].map(({ reason }) => reason).filter((reason) => reason !== undefined)).toEqual([]);
    for (const { id, accessTo } of rules) {
      expect((await rig.user(accessTo))?.key).toBe(updates.get(id)?.accessKey);
    }
    expect(await ensured(made)).toBe(false);
    await killManagerDuring(delayMs, call({ deleteRules: rules }));
    await untilSucceeds('the rules are denied', () => call({ deleteRules: rules }));
    expect(await leftoversOf(rules)).toEqual([]);
  }
  await rig.driver.deleteShare({ share: made.share }, rig.context());
});

async function killManagerDuring(delayMs: number, call: Promise<unknown>): Promise<void> {
  const settled = Promise.allSettled([call]);
  await new Promise((resolve) => setTimeout(resolve, delayMs));
  await rig.lab.kill('mgr.x');
  await rig.lab.startDaemon('mgr.x');
  await settled;
}

async function ensured({ share }: MadeShare): Promise<boolean | undefined> {
  return (await rig.driver.ensureShare?.({ share }, rig.context()))?.reapplyAccess;
}
