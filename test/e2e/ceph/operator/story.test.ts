import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { shareAccesses, shares } from '../../../../src/api/v1alpha1/resource-types.ts';
import { knownVulnerabilities } from '../../../../src/drivers/advisories.ts';
import { cephAdvisories } from '../../../../src/drivers/cephfs/cluster/versions.ts';
import { subvolumeNameOf } from '../../../../src/drivers/cephfs/subvolumes/names.ts';
import { eventually } from '../../../faults/eventually.ts';
import { access, share } from '../../../integration/manifests.ts';
import { conditionOf, messageOf, type Tenant } from '../../../integration/tenant.ts';
import type { CephFSClient, CephFSMount } from '../../../labs/ceph/cephfs-client.ts';
import { newCephxKey } from '../../../labs/ceph/cephx-key.ts';
import { keptOut, refusalOf } from '../rig.ts';
import { cutBoundMs, timesToCutOff } from './cut-off.ts';
import { keySearch } from './key-search.ts';
import { OperatorOnCeph } from './operator-on-ceph.ts';

const refusedWrite = /^(EACCES|EPERM|EROFS)$/;
const refusedPath = /^(EACCES|EPERM)$/;
const mebibyte = 2 ** 20;

describe('access to a CephFS share, asked for with kubectl and used with what the Secret and the export location say', () => {
  let ceph: OperatorOnCeph;
  let tenant: Tenant;
  let usersBefore: readonly string[];

  beforeAll(async () => {
    ceph = await OperatorOnCeph.start();
    tenant = await ceph.tenant();
    usersBefore = await ceph.cephUsers();
  }, 120_000);

  afterEach(() => ceph?.endClients());

  afterAll(async () => {
    await ceph?.stop();
  });

  /** A share with a rule for an id of the same name, active. */
  async function shared(name: string): Promise<CephFSMount> {
    await ceph.makeShares(tenant, [name]);
    await tenant.grant(name, name);
    await tenant.untilActive(name);
    return await ceph.mountOf(tenant, name, name);
  }

  async function subvolumeOf(name: string): Promise<string> {
    return subvolumeNameOf((await ceph.share(tenant, name)).metadata.uid ?? '');
  }

  /** Gives a share another size with kubectl. */
  async function resize(name: string, size: string): Promise<void> {
    await tenant.kubectl('patch', 'share', name, '--type=merge', '-p', JSON.stringify({ spec: { size } }));
  }

  /** Writes files of one MiB until the quota refuses one. @returns how many were taken */
  async function fill(client: CephFSClient): Promise<number> {
    for (let files = 0; ; files += 1) {
      const refused = await refusalOf(client.write(`/file-${files}`, mebibyte));
      if (refused === 'EDQUOT') return files;
      expect(refused).toBeUndefined();
      expect(files, 'the quota is not enforced').toBeLessThan(200);
    }
  }

  test('the backend names the vulnerabilities of the version that the cluster runs, and is ready all the same', async () => {
    const output = await ceph.lab.succeed('mon', { prefix: 'versions', format: 'json' });
    const [, running = ''] = /ceph version (\d+\.\d+\.\d+)/.exec(output) ?? [];
    const expected = knownVulnerabilities(
      { product: 'Ceph', lineLength: 1 },
      new Map([[running, ['mds', 'mgr', 'mon', 'osd']]]),
      cephAdvisories,
    );
    const backend = await ceph.untilBackend(ceph.backendName, 'True/Available');
    for (const { id, found, fixedVersions } of expected) {
      const message = messageOf(backend, 'KnownVulnerabilities');
      for (const text of [id, found, fixedVersions.join(', ')]) expect(message).toContain(text);
    }
    expect(conditionOf(backend, 'KnownVulnerabilities')).toBe(
      expected.length === 0 ? 'absent' : 'True/VulnerableVersion',
    );
  });

  test('one apply of a share and its rules: the key of rw reads and writes, the key of ro reads', async () => {
    const { namespace } = tenant;
    const location = { backendName: ceph.backendName, size: '64Mi' };
    await ceph.makeShares(tenant, ['other']);
    await tenant.cluster.apply(
      access(namespace, 'writer', 'scratch'),
      access(namespace, 'reader', 'scratch', { accessLevel: 'ro' }),
      share(namespace, 'scratch', location),
    );
    const rule = await tenant.untilActive('writer');
    await tenant.untilActive('reader');
    expect(rule.status).toMatchObject({ accessLevel: 'rw', accessKeySecretRef: { name: 'writer-access-key' } });
    const mount = await ceph.mountOf(tenant, 'writer', 'scratch');
    expect(mount).toMatchObject({ user: 'writer', monitors: ceph.lab.monitors });
    expect(mount.key).toBe((await ceph.cephUser('writer'))?.key);
    const { status } = await ceph.share(tenant, 'scratch');
    expect(status?.exportLocations?.[0]).toMatchObject({
      address: ceph.lab.monitors.join(','),
      metadata: { fsName: mount.fileSystem, clusterID: ceph.lab.fsid, rootPath: mount.root },
    });
    expect(status?.identifier).toBe(`cephfs/sharenet/${await subvolumeOf('scratch')}`);

    const writer = await ceph.mountWith(mount);
    await writer.write('/file', 'content');
    expect(await writer.read('/file')).toBe('content');
    expect((await writer.size()).total).toBe(64 * mebibyte);
    const reader = await ceph.mount(tenant, 'reader', 'scratch');
    expect(await reader.read('/file')).toBe('content');
    expect(await refusalOf(reader.write('/file', 'changed'))).toMatch(refusedWrite);
    expect(await refusalOf(reader.write('/new', 'text'))).toMatch(refusedWrite);
    expect(await writer.read('/file')).toBe('content');

    const otherRoot = (await ceph.share(tenant, 'other')).status?.exportLocations?.[0]?.metadata?.rootPath ?? '';
    expect(otherRoot).not.toBe('');
    expect(await refusalOf(ceph.mountWith({ ...mount, root: otherRoot }))).toMatch(refusedPath);
    expect(await refusalOf(ceph.mountWith({ ...mount, root: '/' }))).toMatch(refusedPath);
    const keys = [newCephxKey(), (await ceph.mountOf(tenant, 'reader', 'scratch')).key];
    const attempts = keys.map((key) => refusalOf(ceph.mountWith({ ...mount, key })));
    for (const refusal of await Promise.all(attempts)) expect(refusal).toMatch(keptOut);
  });

  test('rw to ro by kubectl patch cuts off who has it mounted and keeps the key; back to rw lets them write again', async () => {
    const mount = await shared('lowered');
    const before = await tenant.secret('lowered-access-key');
    const client = await ceph.mountWith(mount);
    await client.write('/file', 'content');
    await client.mkdir('/directory');
    const deep = await ceph.mountWith({ ...mount, root: `${mount.root}/directory` });
    const patch = (accessLevel: string) =>
      tenant.kubectl(
        'patch',
        'shareaccess',
        'lowered',
        '--type=merge',
        '-p',
        JSON.stringify({ spec: { accessLevel } }),
      );
    for (const took of await timesToCutOff(() => patch('ro'), [client, deep])) expect(took).toBeLessThan(cutBoundMs);
    expect((await tenant.untilActive('lowered')).status?.accessLevel).toBe('ro');
    expect(await tenant.secret('lowered-access-key')).toEqual(before);

    const reader = await ceph.mountWith(mount);
    expect(await reader.read('/file')).toBe('content');
    expect(await refusalOf(reader.write('/file', 'changed'))).toMatch(refusedWrite);
    await patch('rw');
    await tenant.untilActive('lowered');
    expect(await tenant.secret('lowered-access-key')).toEqual(before);
    await (await ceph.mountWith(mount)).write('/file', 'changed');
  });

  test('kubectl delete shareaccess throws out who has the share or a directory of it mounted; Secret and id are gone', async () => {
    const mount = await shared('denied');
    await tenant.grant('stays', 'denied');
    await tenant.untilActive('stays');
    const client = await ceph.mountWith(mount);
    await client.mkdir('/directory');
    const deep = await ceph.mountWith({ ...mount, root: `${mount.root}/directory` });
    const neighbour = await ceph.mount(tenant, 'stays', 'denied');
    await Promise.all([client, deep, neighbour].map((each) => each.write('/probe', 'text')));
    const deletion = (): Promise<string> => tenant.kubectl('delete', 'shareaccess', 'denied', '--timeout=30s');
    for (const took of await timesToCutOff(deletion, [client, deep])) expect(took).toBeLessThan(cutBoundMs);

    await eventually(
      'the Secret is gone',
      async () => (await tenant.secret('denied-access-key')) === undefined,
      20_000,
    );
    expect(await ceph.cephUser('denied')).toBeUndefined();
    expect(await refusalOf(client.read('/probe'))).toBeDefined();
    expect(await refusalOf(deep.read('/probe'))).toBeDefined();
    expect(await refusalOf(ceph.mountWith(mount))).toMatch(keptOut);
    await neighbour.write('/probe', 'more');
  });

  test('a share grows and shrinks with kubectl and its quota with it; a shrink below use loses nothing', async () => {
    const mount = await shared('sized');
    const client = await ceph.mountWith(mount);
    // Ceph counts late: what is written at once may go some way beyond.
    const first = await fill(client);
    expect(first).toBeLessThan(48);
    await resize('sized', '128Mi');
    await tenant.untilShare('sized', 'grown', ({ status }) => status?.size === '128Mi' && status.phase === 'available');
    await eventually('the new size has reached the client', async () => (await client.size()).total === 128 * mebibyte);
    await client.write('/more', 'text');

    await eventually('Ceph has counted', async () => (await client.quota()).usedBytes >= first * mebibyte);
    await resize('sized', '4Mi');
    const refused = await tenant.untilShare(
      'sized',
      'refused',
      (object) => conditionOf(object, 'Stalled') === 'True/ShareShrinkingPossibleDataLoss',
    );
    expect(refused.status).toMatchObject({ phase: 'available', size: '128Mi' });
    expect(messageOf(refused, 'Ready')).toContain('holds more data');
    expect((await client.size()).total).toBe(128 * mebibyte);
    expect((await client.read('/file-0')).length).toBe(mebibyte);

    for (const name of await client.list()) await client.remove(`/${name}`);
    await eventually('Ceph has counted', async () => (await client.quota()).usedBytes === 0);
    await tenant.annotate('share', 'sized', 'sharenet.io/reconcile-requested-at=emptied');
    const shrunk = await tenant.untilShare('sized', 'shrunk', ({ status }) => status?.size === '4Mi');
    expect(conditionOf(shrunk, 'Ready')).toBe('True/Available');
    await eventually('the new size has reached the client', async () => (await client.size()).total === 4 * mebibyte);
    expect(await fill(client)).toBeLessThan(first + 24);
  });

  test('deleting a share throws out its clients and deletes subvolume, ids and Secrets', async () => {
    const mount = await shared('doomed');
    await tenant.grant('doomed-2', 'doomed', { accessLevel: 'ro' });
    await tenant.untilActive('doomed-2');
    const client = await ceph.mountWith(mount);
    await client.write('/file', 'content');
    const subvolume = await subvolumeOf('doomed');
    expect(await ceph.subvolumes()).toContain(subvolume);
    await tenant.kubectl('delete', 'share', 'doomed', '--timeout=60s');
    expect(await refusalOf(client.read('/file'))).toBeDefined();
    expect(await ceph.subvolumes()).not.toContain(subvolume);
    expect(await ceph.cephUsers()).not.toEqual(expect.arrayContaining([expect.stringMatching(/^doomed/)]));
    await eventually('no Secret of it is left', async () =>
      (await Promise.all(['doomed', 'doomed-2'].map((rule) => tenant.secret(`${rule}-access-key`)))).every(
        (secret) => secret === undefined,
      ),
    );
    // The rules wait for a share of that name; one that is made gets a subvolume and a key of its own.
    await tenant.untilRule('doomed', 'waits', (rule) => conditionOf(rule, 'Ready') === 'False/ShareNotFound');
    const again = await shared('doomed');
    expect([again.root === mount.root, again.key === mount.key]).toEqual([false, false]);
    expect(await (await ceph.mountWith(again)).list()).toEqual([]);
  });

  test('a share with deletionPolicy Retain leaves its data in Ceph and no one with access', async () => {
    await ceph.makeShares(tenant, ['kept'], { deletionPolicy: 'Retain' });
    await tenant.grant('kept', 'kept');
    await tenant.untilActive('kept');
    const mount = await ceph.mountOf(tenant, 'kept', 'kept');
    const client = await ceph.mountWith(mount);
    await client.write('/file', 'content');
    const subvolume = await subvolumeOf('kept');
    const { status } = await ceph.share(tenant, 'kept');
    await tenant.kubectl('delete', 'share', 'kept', '--timeout=60s');
    await tenant.untilEvent('ShareRetained', 'Share', 'kept');
    expect(status?.identifier).toContain(subvolume);
    expect(await ceph.subvolumes()).toContain(subvolume);
    expect(await refusalOf(client.write('/file', 'changed'))).toBeDefined();
    expect(await ceph.cephUser('kept')).toBeUndefined();
    const admin = await ceph.mountWith({ ...mount, user: 'admin', key: ceph.lab.adminKey });
    expect(await admin.read('/file')).toBe('content');
    await admin.unmount();
  });

  test('deleting a namespace leaves nothing of it in Ceph, and one of the same name starts again', async () => {
    const leaving = await ceph.tenant();
    const { namespace } = leaving;
    const [users, subvolumes] = [await ceph.cephUsers(), await ceph.subvolumes()];
    const furnish = async (): Promise<CephFSMount> => {
      await ceph.makeShares(leaving, ['left', 'right']);
      await leaving.grant('left', 'left', { accessTo: 'both' });
      await leaving.grant('right', 'right', { accessTo: 'both' });
      await leaving.untilActive('left');
      await leaving.untilActive('right');
      return await ceph.mountOf(leaving, 'left', 'left');
    };
    const mount = await furnish();
    const client = await ceph.mountWith(mount);
    await client.write('/file', 'content');
    await ceph.cluster.kubectl('delete', 'namespace', namespace, '--timeout=90s');
    expect(await refusalOf(client.read('/file'))).toBeDefined();
    expect([await ceph.cephUsers(), await ceph.subvolumes()]).toEqual([users, subvolumes]);

    await ceph.cluster.kubectl('create', 'namespace', namespace);
    const again = await furnish();
    expect(again.user).toBe(mount.user);
    expect(again.key).not.toBe(mount.key);
    expect(await (await ceph.mountWith(again)).list()).toEqual([]);
    await leaving.kubectl('delete', 'shareaccess,share', '--all', '--timeout=60s');
    expect([await ceph.cephUsers(), await ceph.subvolumes()]).toEqual([users, subvolumes]);
  });

  test('no key is anywhere but in its Secret, and nothing that was left over in Ceph', async () => {
    const rules = (await tenant.cluster.client.list(shareAccesses, { namespace: tenant.namespace })).items;
    const active = rules.filter(({ status }) => status?.phase === 'active');
    expect(active.length).toBeGreaterThan(4);
    const placesOf = await keySearch(ceph);
    for (const { metadata, spec } of active) {
      const key = (await ceph.cephUser(spec.accessTo))?.key ?? '';
      expect(key).toHaveLength(40);
      expect(placesOf(key)).toEqual([`Secret ${tenant.namespace}/${metadata.name}-access-key`]);
    }
    const operatorKey = (await ceph.cephUser('sharenet'))?.key ?? '';
    expect(placesOf(operatorKey)).toEqual(['Secret sharenet-system/ceph']);
    expect(placesOf(ceph.lab.adminKey)).toEqual([]);
    const made = (await tenant.cluster.client.list(shares, {})).items.map(({ metadata }) =>
      subvolumeNameOf(metadata.uid ?? ''),
    );
    // One is retained.
    expect(await ceph.subvolumes()).toHaveLength(made.length + 1);
    expect(await ceph.subvolumes()).toEqual(expect.arrayContaining(made));
    const ids = active.map(({ spec }) => spec.accessTo);
    expect((await ceph.cephUsers()).filter((id) => !usersBefore.includes(id)).sort()).toEqual(ids.sort());
  });
});
