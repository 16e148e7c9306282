import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { DriverAccessRule } from '../../../src/drivers/driver.ts';
import { InProgress } from '../../../src/drivers/errors.ts';
import { CephFSRig, cephxRule, keptOut, type MadeShare, newID, refusalOf } from './rig.ts';

let rig: CephFSRig;
beforeAll(async () => {
  rig = await CephFSRig.start();
});
afterEach(() => rig.endClients());
afterAll(() => rig?.stop());

async function isDamaged({ share }: MadeShare): Promise<boolean | undefined> {
  return (await rig.driver.ensureShare?.({ share }, rig.context()))?.reapplyAccess;
}

test('more rules than one call has time for are granted in several', { timeout: 180_000 }, async () => {
  const { share } = await rig.makeShare();
  const rules = Array.from({ length: 300 }, () => cephxRule(newID()));
  const request = { share, accessRules: rules, addRules: rules, updateRules: [], deleteRules: [] };
  const counts: number[] = [];
  let operation = { id: 'batch', attempt: 1, token: '' };
  const { token: _, ...first } = operation;
  for (let context = rig.context({ operation: first }); ; context = rig.context({ operation })) {
    try {
      const updates = await rig.driver.updateAccess(request, context);
      expect(updates.size).toBe(rules.length);
      expect(new Set([...updates.values()].map(({ accessKey }) => accessKey)).size).toBe(rules.length);
      break;
    } catch (error) {
      if (!(error instanceof InProgress)) throw error;
      counts.push(Number(error.token.replace('done-', '')));
      operation = { ...operation, token: error.token };
    }
  }
  expect(counts.length).toBeGreaterThan(0);
  expect(counts).toEqual([...new Set(counts)].sort((a, b) => a - b));
});

describe('shares', () => {
  test('with snapshots are not deleted, and told so', async () => {
    const { made, rule, key } = await rig.granted();
    await (await rig.mount(rule.accessTo, key, made.path)).write('/file', 'text');
    await rig.endClients();
    const snapshot = { ...rig.addressOf(made.share), snap_name: 'kept' };
    await rig.lab.succeed('mgr', { prefix: 'fs subvolume snapshot create', ...snapshot });
    const deletion = rig.driver.deleteShare({ share: made.share }, rig.context());
    await expect(deletion).rejects.toMatchObject({ kind: 'Rejected', reason: 'SnapshotsExist' });
    await rig.lab.succeed('mgr', { prefix: 'fs subvolume snapshot rm', ...snapshot });
    await rig.driver.deleteShare({ share: made.share }, rig.context());
    expect(await refusalOf(rig.mount(rule.accessTo, key, made.path))).toMatch(keptOut);
  });

  test('that were made by a call that was cut off before it tagged them are taken up', async () => {
    const share = { id: randomUUID(), name: 'share', protocol: 'CEPHFS', size: 2 ** 24, exportLocations: [] } as const;
    const address = rig.addressOf(share);
    await rig.makeShare();
    await rig.lab.succeed('mgr', {
      prefix: 'fs subvolume create',
      ...address,
      size: share.size,
      namespace_isolated: true,
    });
    const { exportLocations } = await rig.driver.createShare({ share }, rig.context());
    expect(exportLocations).toHaveLength(1);
    const stranger = rig.context({ installationID: 'other-installation' });
    await expect(rig.driver.createShare({ share }, stranger)).rejects.toMatchObject({ reason: 'ForeignObject' });
  });

  test('that have no size limit any more can be given one again', async () => {
    const made = await rig.makeShare();
    await rig.lab.succeed('mgr', { prefix: 'fs subvolume resize', ...rig.addressOf(made.share), new_size: 'inf' });
    await rig.driver.extendShare({ share: made.share, newSize: made.share.size }, rig.context());
    expect(await rig.driver.ensureShare?.({ share: made.share }, rig.context())).toMatchObject({
      size: made.share.size,
    });
  });

  test('that an operation on one id concerns are changed one after the other', async () => {
    const shares = await Promise.all(Array.from({ length: 4 }, () => rig.makeShare()));
    const id = newID();
    const rules = shares.map(() => cephxRule(id));
    const each = <Result>(work: (made: MadeShare, rule: DriverAccessRule) => Promise<Result>): Promise<Result[]> =>
      Promise.all(shares.flatMap((made, index) => (rules[index] === undefined ? [] : [work(made, rules[index])])));
    const keys = new Set(await each((made, rule) => rig.grantKey(made, rule)));
    expect(keys.size).toBe(1);
    expect(await Promise.all(shares.map(isDamaged))).toEqual([false, false, false, false]);
    const [, , third, fourth] = shares;
    await each(async (made, rule) =>
      made === third || made === fourth ? rig.recoverKey(made, rule) : rig.deny(made, rule),
    );
    expect(await Promise.all([third, fourth].map((made) => made && isDamaged(made)))).toEqual([false, false]);
    expect((await rig.user(id))?.caps.mds?.split(',')).toHaveLength(2);
    await each((made, rule) => rig.deny(made, rule));
    expect(await rig.user(id)).toBeUndefined();
  });
});
