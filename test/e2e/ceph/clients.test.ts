import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { DriverShare } from '../../../src/drivers/driver.ts';
import { eventually } from '../../faults/eventually.ts';
import type { CephFSClient } from '../../labs/ceph/cephfs-client.ts';
import { makeSilentLibrary } from '../../labs/ceph/silent-library.ts';
import { CephFSRig, cephxRule, keptOut, newID, refusalOf } from './rig.ts';

/** How long a client may go on after its denial has begun, in milliseconds. */
const cutBoundMs = 2_000;

let rig: CephFSRig;
beforeAll(async () => {
  rig = await CephFSRig.start();
});
afterEach(() => rig.endClients());
afterAll(() => rig?.stop());

describe('a client with the key of a rule', () => {
  test('reads and writes with rw, and only on its share', async () => {
    const [mine, other] = [await rig.makeShare(), await rig.makeShare()];
    const rule = cephxRule(newID());
    const key = await rig.grantKey(mine, rule);
    const client = await rig.mount(rule.accessTo, key, mine.path);
    await client.write('/file', 'content');
    expect(await client.read('/file')).toBe('content');
    expect(await refusalOf(rig.mount(rule.accessTo, key, other.path))).toMatch(/EACCES|EPERM/);
    expect(await refusalOf(rig.mount(rule.accessTo, key, '/'))).toMatch(/EACCES|EPERM/);
    expect(await refusalOf(rig.mount(rule.accessTo, rig.lab.adminKey, mine.path))).toMatch(keptOut);
  });

  test('reads with ro, and its write is refused', async () => {
    const share = await rig.makeShare();
    const [writer, reader] = [cephxRule(newID()), cephxRule(newID(), 'ro')];
    const updates = await rig.update(share, [writer, reader], { addRules: [writer, reader] });
    const keyOf = (id: string): string => updates.get(id)?.accessKey ?? '';
    await (await rig.mount(writer.accessTo, keyOf(writer.id), share.path)).write('/file', 'content');
    const client = await rig.mount(reader.accessTo, keyOf(reader.id), share.path);
    expect(await client.read('/file')).toBe('content');
    expect(await refusalOf(client.write('/other', 'content'))).toMatch(/EACCES|EPERM|EROFS/);
    expect(await refusalOf(client.write('/file', 'changed'))).toMatch(/EACCES|EPERM|EROFS/);
  });

  test('cannot write more than the size of the share', async () => {
    const share = await rig.makeShare(8 * 2 ** 20);
    const rule = cephxRule(newID());
    const client = await rig.mount(rule.accessTo, await rig.grantKey(share, rule), share.path);
    expect(await client.quota()).toMatchObject({ maxBytes: 8 * 2 ** 20 });
    expect((await client.size()).total).toBe(8 * 2 ** 20);
    // Ceph counts late: what is written at once may go some way beyond.
    let files = 0;
    const full = async (): Promise<boolean> => {
      files += 1;
      return (await refusalOf(client.write(`/file-${files}`, 2 ** 20))) === 'EDQUOT';
    };
    await eventually('the share is full', full);
    expect(files).toBeLessThan(24);
    await rig.driver.extendShare({ share: share.share, newSize: 32 * 2 ** 20 }, rig.context());
    await eventually('the new size has reached the client', async () => (await client.size()).total === 32 * 2 ** 20);
    await client.write('/more', 2 ** 20);
  });

  test('has the id of its rule to the letter', async () => {
    const share = await rig.makeShare();
    const rules = ['a=b', 'a;b, c', `"q'`, '*', 'blank ', '[client]', '\\', '{}', '$id', '#', 'x--'].map((id) =>
      cephxRule(id),
    );
    const updates = await rig.update(share, rules, { addRules: rules });
    for (const rule of rules) {
      const key = updates.get(rule.id)?.accessKey ?? '';
      expect(await rig.user(rule.accessTo), rule.accessTo).toMatchObject({ key });
    }
    const [rule = cephxRule('')] = rules;
    const client = await rig.mount(rule.accessTo, updates.get(rule.id)?.accessKey ?? '', share.path);
    const started = performance.now();
    await rig.update(share, [], { deleteRules: rules });
    await cutOff(client, started);
    for (const { accessTo } of rules) expect(await rig.user(accessTo), accessTo).toBeUndefined();
  });

  test('uses the same key on two shares', async () => {
    const [one, two] = [await rig.makeShare(), await rig.makeShare()];
    const id = newID();
    const key = await rig.grantKey(one, cephxRule(id));
    expect(await rig.grantKey(two, cephxRule(id))).toBe(key);
    await (await rig.mount(id, key, one.path)).write('/file', 'one');
    await (await rig.mount(id, key, two.path)).write('/file', 'two');
  });
});

describe('denying a rule', () => {
  test('cuts its mounted clients off, those of directories of the share too, and keeps them out', async () => {
    const share = await rig.makeShare();
    const [rule, other] = [cephxRule(newID()), cephxRule(newID())];
    const key = await rig.grantKey(share, rule);
    const otherKey = await rig.grantKey(share, other);
    const whole = await rig.mount(rule.accessTo, key, share.path);
    await whole.mkdir('/a');
    await whole.mkdir('/a/b');
    const inDirectory = await rig.mount(rule.accessTo, key, `${share.path}/a/b`);
    const elsewhere = await rig.mount(other.accessTo, otherKey, share.path);
    const started = performance.now();
    await rig.update(share, [other], { deleteRules: [rule] });
    await Promise.all([cutOff(whole, started), cutOff(inDirectory, started)]);
    expect(await refusalOf(rig.mount(rule.accessTo, key, share.path))).toMatch(keptOut);
    expect(await rig.user(rule.accessTo)).toBeUndefined();
    await elsewhere.write('/still', 'here');
  });

  test('leaves mounts of the same id on other shares alone, and lets it mount them again', async () => {
    const [one, two] = [await rig.makeShare(), await rig.makeShare()];
    const id = newID();
    const [ruleOne, ruleTwo] = [cephxRule(id), cephxRule(id)];
    const key = await rig.grantKey(one, ruleOne);
    await rig.grantKey(two, ruleTwo);
    const [onOne, onTwo] = [await rig.mount(id, key, one.path), await rig.mount(id, key, two.path)];
    await onTwo.write('/before', 'text');
    const started = performance.now();
    await rig.deny(one, ruleOne);
    await cutOff(onOne, started);
    await onTwo.write('/after', 'text');
    // Ceph itself would have taken the capability that a new mount needs.
    expect((await rig.user(id))?.caps.mon).toBe('allow r');
    await (await rig.mount(id, key, two.path)).write('/again', 'text');
    expect(await refusalOf(rig.mount(id, key, one.path))).toMatch(/EACCES|EPERM/);
    expect(await rig.recoverKey(two, ruleTwo)).toBe(key);
    await rig.deny(two, ruleTwo);
    expect(await rig.user(id)).toBeUndefined();
  });

  test('cuts off what is served by another metadata server', async () => {
    const { lab } = rig;
    await lab.addMetadataServer('b');
    await lab.succeed('mon', { prefix: 'fs set', fs_name: lab.fileSystem, var: 'max_mds', val: '2' });
    try {
      const active = async () => (await lab.succeed('mon', { prefix: 'mds stat' })).match(/up:active/g)?.length === 2;
      await eventually('two metadata servers are active', active);
      const share = await rig.makeShare();
      const address = rig.addressOf(share.share);
      await lab.succeed('mgr', { prefix: 'fs subvolume pin', ...address, pin_type: 'export', pin_setting: '1' });
      const rule = cephxRule(newID());
      const client = await rig.mount(rule.accessTo, await rig.grantKey(share, rule), share.path);
      const isServedBy = async (server: 'mds.a' | 'mds.b'): Promise<boolean> =>
        (await rig.sessions(server)).some(({ root }) => root === share.path);
      await eventually('the second server serves the share', async () => {
        await client.write('/file', 'text');
        return isServedBy('mds.b');
      });
      const started = performance.now();
      await rig.deny(share, rule);
      await cutOff(client, started);
      expect([await isServedBy('mds.a'), await isServedBy('mds.b')]).toEqual([false, false]);
    } finally {
      await lab.succeed('mon', { prefix: 'fs set', fs_name: lab.fileSystem, var: 'max_mds', val: '1' });
      const single = async () => !(await lab.succeed('mon', { prefix: 'mds stat' })).includes('stopping');
      await eventually('one metadata server is active', single);
    }
  });

  test('cuts off a client that does not say what it mounted', async () => {
    await using library = await makeSilentLibrary();
    const { made, rule, key } = await rig.granted();
    const client = await rig.mount(rule.accessTo, key, made.path, library.directory);
    await client.write('/before', 'text');
    const started = performance.now();
    await rig.deny(made, rule);
    await cutOff(client, started);
  });

  test('of another owner’s id cuts off none of their clients, whether they say what they mounted or not', async () => {
    await using library = await makeSilentLibrary();
    const theirs = rig.context({ tenant: { namespace: 'tenant-b', namespaceUID: randomUUID() } });
    const share: DriverShare = { ...(await rig.makeShare()).share, id: randomUUID() };
    const { exportLocations } = await rig.driver.createShare({ share }, theirs);
    const rule = cephxRule(newID());
    const lists = { accessRules: [rule], addRules: [rule], updateRules: [], deleteRules: [] };
    const key = (await rig.driver.updateAccess({ share, ...lists }, theirs)).get(rule.id)?.accessKey ?? '';
    const path = exportLocations[0]?.metadata?.rootPath ?? '';
    const clients = [
      await rig.mount(rule.accessTo, key, path),
      await rig.mount(rule.accessTo, key, path, library.directory),
    ];
    for (const client of clients) await client.write('/before', 'text');

    const mine = await rig.makeShare();
    const guess = cephxRule(rule.accessTo);
    expect((await rig.grant(mine, guess)).state).toBe('error');
    await rig.deny(mine, guess);
    await rig.update(mine, []);
    await rig.driver.deleteShare({ share: mine.share }, rig.context());
    // On a share that is gone, too.
    await rig.deny(mine, guess);
    for (const client of clients) await client.write('/after', 'text');

    await rig.driver.deleteShare({ share }, theirs);
    for (const client of clients) expect(await refusalOf(client.write('/late', 'text'))).toBeDefined();
  });

  test('of an id that is named like the manager does not cut the manager off', async () => {
    const share = await rig.makeShare();
    const rule = cephxRule('x');
    await rig.grantKey(share, rule);
    await rig.deny(share, rule);
    await rig.makeShare();
  });

  test('deletes the key with the share', async () => {
    const share = await rig.makeShare();
    const rule = cephxRule(newID());
    const client = await rig.mount(rule.accessTo, await rig.grantKey(share, rule), share.path);
    await client.write('/file', 'text');
    const started = performance.now();
    await rig.driver.deleteShare({ share: share.share }, rig.context());
    await cutOff(client, started);
    expect(await rig.user(rule.accessTo)).toBeUndefined();
  });
});

describe('a change of level', () => {
  test('to ro keeps the key and cuts off who could write', async () => {
    const share = await rig.makeShare();
    const rule = cephxRule(newID());
    const key = await rig.grantKey(share, rule);
    const client = await rig.mount(rule.accessTo, key, share.path);
    await client.write('/file', 'text');
    const lowered = { ...rule, accessLevel: 'ro' } as const;
    const started = performance.now();
    const updates = await rig.update(share, [lowered], { updateRules: [lowered] });
    expect(updates.get(rule.id)).toEqual({ accessKey: key });
    await cutOff(client, started);
    const reader = await rig.mount(rule.accessTo, key, share.path);
    expect(await reader.read('/file')).toBe('text');
    expect(await refusalOf(reader.write('/file', 'changed'))).toMatch(/EACCES|EPERM|EROFS/);
  });

  test('to rw lets new mounts write with the same key', async () => {
    const share = await rig.makeShare();
    const rule = cephxRule(newID(), 'ro');
    const key = await rig.grantKey(share, rule);
    const raised = { ...rule, accessLevel: 'rw' } as const;
    expect((await rig.update(share, [raised], { updateRules: [raised] })).get(rule.id)).toEqual({ accessKey: key });
    await (await rig.mount(rule.accessTo, key, share.path)).write('/file', 'text');
  });
});

/** Expects a client's writes to fail within the bound since the denial began, and to go on failing. */
async function cutOff(client: CephFSClient, started: number): Promise<void> {
  const refused = async (): Promise<string | undefined> => refusalOf(client.write('/after-denial', 'text'));
  await eventually('the client is cut off', refused, cutBoundMs);
  expect(performance.now() - started).toBeLessThan(cutBoundMs);
  expect(await refused()).toBeDefined();
}
