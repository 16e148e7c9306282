import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { capsWith } from '../../../src/drivers/cephfs/auth/caps.ts';
import { CephFSRig, cephxRule, newID, operatorUser } from './rig.ts';

let rig: CephFSRig;
beforeAll(async () => {
  rig = await CephFSRig.start();
});
afterAll(() => rig?.stop());

describe('an id that is not the tenant’s is an error of its rule, and stays as it is', () => {
  const requireRefused = async (id: string): Promise<void> => {
    const before = await rig.user(id);
    const made = await rig.makeShare();
    const [rule, good] = [cephxRule(id), cephxRule(newID())];
    for (const updates of [
      await rig.update(made, [rule, good], { addRules: [rule, good] }),
      await rig.update(made, [rule, good]),
    ]) {
      expect(updates.get(rule.id)).toEqual({ state: 'error', reason: expect.stringContaining(JSON.stringify(id)) });
      expect(updates.get(good.id)?.accessKey).toBeDefined();
    }
    await rig.update(made, [good], { deleteRules: [rule] });
    await rig.update(made, [good]);
    expect(await rig.user(id)).toEqual(before);
    await rig.driver.deleteShare({ share: made.share }, rig.context());
    expect(await rig.user(id)).toEqual(before);
  };

  test.each(['admin', operatorUser, 'bootstrap-osd', 'crash'])('%s', (id) => requireRefused(id));

  test('a user that was made by hand', async () => {
    const id = newID();
    await rig.lab.createUser(id, { mon: 'allow r', mds: 'allow rw path=/', osd: 'allow rw' });
    await requireRefused(id);
  });

  test('a user that was made by hand and looks like one of a share', async () => {
    const id = newID();
    const share = await rig.makeShare();
    const target = { fsName: rig.lab.fileSystem, path: share.path, dataPool: 'data', poolNamespace: 'fsvolumens_x' };
    await rig.lab.createUser(id, capsWith({}, target, 'rw'));
    await requireRefused(id);
  });

  test('an id of another tenant and one of another installation', async () => {
    const made = await rig.makeShare();
    const rule = cephxRule(newID());
    const lists = { accessRules: [rule], addRules: [rule], updateRules: [], deleteRules: [] };
    const strangers = [
      { installationID: 'other-installation' },
      { tenant: { namespace: 'tenant-b', namespaceUID: 'other-tenant' } },
    ];
    for (const stranger of strangers) {
      const context = rig.context(stranger);
      const share = { ...made.share, id: randomUUID() };
      await rig.driver.createShare({ share }, context);
      const theirs = (await rig.driver.updateAccess({ share, ...lists }, context)).get(rule.id);
      expect(theirs?.accessKey).toBeDefined();
      expect(await rig.grant(made, rule)).toEqual({ state: 'error', reason: expect.any(String) });
      await rig.deny(made, rule);
      expect((await rig.driver.updateAccess({ share, ...lists }, context)).get(rule.id)).toEqual(theirs);
      await rig.driver.deleteShare({ share }, context);
    }
    expect((await rig.grant(made, rule)).accessKey).toBeDefined();
  });

  test('an id of the tenant that someone gave more', async () => {
    const { made, rule } = await rig.granted();
    const { caps = {} } = (await rig.user(rule.accessTo)) ?? {};
    await rig.setCaps(rule.accessTo, { ...caps, mgr: 'allow r' });
    expect((await rig.update(made, [rule])).get(rule.id)).toEqual({ state: 'error', reason: expect.any(String) });
    await rig.deny(made, rule);
    // What is not of the share is for whoever gave it.
    expect((await rig.user(rule.accessTo))?.caps.mgr).toBe('allow r');
    expect((await rig.user(rule.accessTo))?.caps.mds).toBeUndefined();
  });

  test('an id of the tenant whose capabilities Ceph reads as more than a share', async () => {
    const { made, rule, key } = await rig.granted();
    const { caps = {} } = (await rig.user(rule.accessTo)) ?? {};
    const [mds = '', osd = ''] = [caps.mds, caps.osd];
    const wider = [
      { osd: osd.replace(/namespace=.*/, 'namespace=fsvolumens_*') },
      { osd: `${osd};profile=rbd` },
      { osd: `${osd};allow r` },
      { mds: `${mds};allow r` },
      { mds: `${mds},allow\trw` },
      { mds: mds.replace(/[^/]*$/, '..') },
    ];
    for (const more of wider) {
      await rig.setCaps(rule.accessTo, { ...caps, ...more });
      const update = (await rig.update(made, [rule])).get(rule.id);
      expect.soft(update, JSON.stringify(more)).toEqual({ state: 'error', reason: expect.any(String) });
    }
    await rig.setCaps(rule.accessTo, caps);
    expect(await rig.recoverKey(made, rule)).toBe(key);
  });

  test('an id that was made again for someone else', async () => {
    const { made, rule } = await rig.granted();
    await rig.lab.succeed('mon', { prefix: 'auth rm', entity: `client.${rule.accessTo}` });
    const key = await rig.lab.createUser(rule.accessTo, { mon: 'allow *' });
    expect(JSON.stringify((await rig.update(made, [rule])).get(rule.id))).not.toContain(key);
    expect((await rig.user(rule.accessTo))?.caps).toEqual({ mon: 'allow *' });
  });
});
