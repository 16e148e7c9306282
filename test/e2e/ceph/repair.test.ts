import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { capsWithout } from '../../../src/drivers/cephfs/auth/caps.ts';
import { subvolumeNameOf } from '../../../src/drivers/cephfs/subvolumes/names.ts';
import type { DriverAccessRule } from '../../../src/drivers/driver.ts';
import { CephFSRig, cephxRule, type MadeShare, newID } from './rig.ts';

let rig: CephFSRig;
beforeAll(async () => {
  rig = await CephFSRig.start();
});
afterEach(() => rig.endClients());
afterAll(() => rig?.stop());

/** Ids that Ceph lists as authorized on a share. */
async function authorizedOn(made: MadeShare): Promise<readonly string[]> {
  const list: unknown = JSON.parse(
    await rig.lab.succeed('mgr', { prefix: 'fs subvolume authorized_list', ...rig.addressOf(made.share) }),
  );
  return Array.isArray(list) ? list.flatMap((entry) => Object.keys(entry)) : [];
}

async function isDamaged({ share }: MadeShare): Promise<boolean | undefined> {
  return (await rig.driver.ensureShare?.({ share }, rig.context()))?.reapplyAccess;
}

async function requireUsable(made: MadeShare, rule: DriverAccessRule, key: string): Promise<void> {
  const client = await rig.mount(rule.accessTo, key, made.path);
  await client.write('/file', 'text');
}

/** Leaves a file of the manager as it is when the manager is killed between emptying and writing it. */
async function emptyRecord(name: string): Promise<void> {
  const admin = await rig.lab.mount('admin', rig.lab.adminKey, '/');
  await admin.write(`/volumes/${name}.meta`, '');
  await admin.unmount();
}

describe('what someone did to an id in Ceph is noticed, and repaired by recovery', () => {
  const without =
    (daemon: string) =>
    (caps: Readonly<Record<string, string>>): Readonly<Record<string, string>> =>
      Object.fromEntries(Object.entries(caps).filter(([name]) => name !== daemon));
  const damages: readonly (readonly [
    what: string,
    damage: (caps: Readonly<Record<string, string>>) => Readonly<Record<string, string>>,
  ])[] = [
    ['the capability of the monitor was removed', without('mon')],
    ['the capability of the pool was removed', without('osd')],
    ['the capability of the path was removed', without('mds')],
    ['all but the capability of the monitor was removed', ({ mon = '' }) => ({ mon })],
    ['the level was lowered', (caps) => ({ ...caps, mds: caps.mds?.replace('rw', 'r') ?? '' })],
    ['a capability was given twice', (caps) => ({ ...caps, osd: `${caps.osd},${caps.osd}` })],
  ];

  test.each(damages)('%s', async (_, damage) => {
    const { made, rule, key } = await rig.granted();
    const { caps = {} } = (await rig.user(rule.accessTo)) ?? {};
    expect(await isDamaged(made)).toBe(false);
    await rig.setCaps(rule.accessTo, damage(caps));
    expect(await isDamaged(made)).toBe(true);
    expect(await rig.recoverKey(made, rule)).toBe(key);
    expect((await rig.user(rule.accessTo))?.caps).toEqual(caps);
    expect(await isDamaged(made)).toBe(false);
    await requireUsable(made, rule, key);
  });

  test.each(damages)('%s, and the rule is denied all the same', async (_, damage) => {
    const { made, rule, key } = await rig.granted();
    await rig.setCaps(rule.accessTo, damage((await rig.user(rule.accessTo))?.caps ?? {}));
    await rig.deny(made, rule);
    expect(await rig.user(rule.accessTo)).toBeUndefined();
    expect(await authorizedOn(made)).toEqual([]);
    expect(await rig.grantKey(made, rule)).not.toBe(key);
  });

  test.each(damages)('%s, and the level is changed all the same', async (_, damage) => {
    const { made, rule, key } = await rig.granted();
    await rig.setCaps(rule.accessTo, damage((await rig.user(rule.accessTo))?.caps ?? {}));
    const lowered = { ...rule, accessLevel: 'ro' } as const;
    expect((await rig.update(made, [lowered], { updateRules: [lowered] })).get(rule.id)).toEqual({ accessKey: key });
    expect((await rig.user(rule.accessTo))?.caps.mds).toBe(`allow r path=${made.path}`);
    expect(await isDamaged(made)).toBe(false);
  });

  test('the id was removed', async () => {
    const { made, rule, key } = await rig.granted();
    await rig.lab.succeed('mon', { prefix: 'auth rm', entity: `client.${rule.accessTo}` });
    expect(await isDamaged(made)).toBe(true);
    const newKey = await rig.recoverKey(made, rule);
    expect(newKey).not.toBe(key);
    await requireUsable(made, rule, newKey);
    await rig.lab.succeed('mon', { prefix: 'auth rm', entity: `client.${rule.accessTo}` });
    await rig.deny(made, rule);
    expect(await authorizedOn(made)).toEqual([]);
  });

  test('the key was changed', async () => {
    const { made, rule } = await rig.granted();
    const entity = `client.${rule.accessTo}`;
    const { caps = {} } = (await rig.user(rule.accessTo)) ?? {};
    await rig.lab.succeed('mon', { prefix: 'auth rm', entity });
    const key = await rig.lab.createUser(rule.accessTo, caps);
    expect(await rig.recoverKey(made, rule)).toBe(key);
    await requireUsable(made, rule, key);
  });

  test('an id was authorized by hand', async () => {
    const { made, rule, key } = await rig.granted();
    const stranger = newID();
    await rig.lab.succeed('mgr', { prefix: 'fs subvolume authorize', ...rig.addressOf(made.share), auth_id: stranger });
    expect(await authorizedOn(made)).toContain(stranger);
    expect(await rig.recoverKey(made, rule)).toBe(key);
    expect(await authorizedOn(made)).toEqual([rule.accessTo]);
    expect(await rig.user(stranger)).toBeUndefined();
  });

  test('the manager was killed while it wrote its record of an id', async () => {
    const { made, rule, key } = await rig.granted();
    await emptyRecord(`$${rule.accessTo}`);
    const newKey = await rig.recoverKey(made, rule);
    expect(newKey).not.toBe(key);
    await requireUsable(made, rule, newKey);
    await rig.endClients();
    await emptyRecord(`$${rule.accessTo}`);
    await rig.deny(made, rule);
    expect(await rig.user(rule.accessTo)).toBeUndefined();
    expect((await rig.grant(made, rule)).accessKey).toBeDefined();
  });

  test('the manager was killed while it wrote its record of an id that has two shares', async () => {
    const { made, rule, key } = await rig.granted();
    const second = await rig.makeShare();
    const ruleTwo = cephxRule(rule.accessTo);
    await rig.grantKey(second, ruleTwo);
    await emptyRecord(`$${rule.accessTo}`);
    const newKey = await rig.recoverKey(made, rule);
    expect(newKey).not.toBe(key);
    expect([await isDamaged(made), await isDamaged(second)]).toEqual([false, false]);
    expect(await rig.recoverKey(second, ruleTwo)).toBe(newKey);
    await requireUsable(second, ruleTwo, newKey);
    await rig.deny(second, ruleTwo);
    await rig.deny(made, rule);
    expect(await rig.user(rule.accessTo)).toBeUndefined();
  });

  test('the manager was killed while it wrote its record of a share', async () => {
    const { made, rule, key } = await rig.granted();
    const other = cephxRule(newID());
    await rig.grantKey(made, other);
    await emptyRecord(`_sharenet:${subvolumeNameOf(made.share.id)}`);
    expect(await authorizedOn(made)).toEqual([]);
    await rig.update(made, [rule], { deleteRules: [other] });
    expect(await rig.user(other.accessTo)).toBeUndefined();
    expect(await rig.recoverKey(made, rule)).toBe(key);
    expect(await authorizedOn(made)).toEqual([rule.accessTo]);
  });

  test('the manager was killed while it wrote its records of both an id and its share', async () => {
    const { made, rule } = await rig.granted();
    await emptyRecord(`$${rule.accessTo}`);
    await emptyRecord(`_sharenet:${subvolumeNameOf(made.share.id)}`);
    await rig.deny(made, rule);
    expect(await rig.user(rule.accessTo)).toBeUndefined();
    expect((await rig.grant(made, rule)).accessKey).toBeDefined();
  });

  test('half of an id that serves two shares was lost', async () => {
    const { made, rule, key } = await rig.granted();
    const second = await rig.makeShare();
    const ruleTwo = cephxRule(rule.accessTo);
    await rig.grantKey(second, ruleTwo);
    const caps = (await rig.user(rule.accessTo))?.caps ?? {};
    const target = { fsName: rig.lab.fileSystem, path: made.path, dataPool: '', poolNamespace: '' };
    await rig.setCaps(rule.accessTo, { mon: 'allow r', ...capsWithout(caps, target), osd: caps.osd ?? '' });
    expect([await isDamaged(made), await isDamaged(second)]).toEqual([true, false]);
    expect(await rig.recoverKey(made, rule)).toBe(key);
    expect([await isDamaged(made), await isDamaged(second)]).toEqual([false, false]);
    await rig.deny(made, rule);
    expect(await isDamaged(second)).toBe(false);
    expect(await rig.recoverKey(second, ruleTwo)).toBe(key);
  });
});
