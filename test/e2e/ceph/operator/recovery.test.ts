import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { storageBackends } from '../../../../src/api/v1alpha1/resource-types.ts';
import { subvolumeNameOf } from '../../../../src/drivers/cephfs/subvolumes/names.ts';
import { conditionOf, type Tenant } from '../../../integration/tenant.ts';
import { keptOut, refusalOf } from '../rig.ts';
import { authorizedOn, type ExpectedRule, untilAgreed } from './agreement.ts';
import { OperatorOnCeph } from './operator-on-ceph.ts';

describe('what someone changes in Ceph without the operator', () => {
  let ceph: OperatorOnCeph;
  let tenant: Tenant;
  let rules: Map<string, ExpectedRule>;
  let requests = 0;

  beforeAll(async () => {
    ceph = await OperatorOnCeph.start();
  }, 120_000);

  beforeEach(async () => {
    tenant = await ceph.tenant();
    rules = new Map();
    await ceph.makeShares(tenant, ['one', 'two']);
    await grant('writer', 'one');
    await grant('reader', 'one', { level: 'ro' });
    await grant('both-one', 'one', { id: `${tenant.namespace}-both` });
    await grant('both-two', 'two', { id: `${tenant.namespace}-both` });
    await agreed();
  });

  afterEach(async () => {
    await ceph.endClients();
    await tenant.kubectl('delete', 'shares,shareaccesses', '--all', '--timeout=60s');
    await untilAgreed(ceph, []);
  });

  afterAll(async () => {
    await ceph?.stop();
  });

  async function grant(name: string, share: string, changes: Partial<ExpectedRule> = {}): Promise<void> {
    const rule: ExpectedRule = { share, id: `${tenant.namespace}-${name}`, level: 'rw', ...changes };
    rules.set(name, rule);
    await tenant.grant(name, share, { accessTo: rule.id, accessLevel: rule.level });
  }

  const idOf = (rule: string): string => rules.get(rule)?.id ?? '';
  const agreed = (): Promise<void> => untilAgreed(ceph, [{ tenant, rules }]);

  /** Asks for it, and waits until it was done. */
  async function reconcile(...shareNames: readonly string[]): Promise<void> {
    for (const name of shareNames) {
      requests += 1;
      const token = `request-${requests}`;
      await tenant.annotate('share', name, `sharenet.io/reconcile-requested-at=${token}`);
      await tenant.untilShare(name, 'handled', ({ status }) => status?.lastHandledReconcileAt === token);
    }
  }

  async function capsOf(rule: string): Promise<Readonly<Record<string, string>>> {
    return (await ceph.cephUser(idOf(rule)))?.caps ?? {};
  }

  async function setCaps(rule: string, caps: Readonly<Record<string, string>>): Promise<void> {
    const entity = `client.${idOf(rule)}`;
    await ceph.lab.succeed('mon', { prefix: 'auth caps', entity, caps: Object.entries(caps).flat() });
  }

  async function removeID(rule: string): Promise<void> {
    await ceph.lab.succeed('mon', { prefix: 'auth rm', entity: `client.${idOf(rule)}` });
  }

  /** Has everything checked that can be, by changes in the backend alone. */
  async function changeBackend(): Promise<void> {
    requests += 1;
    const spec = { cephfs: { clusterID: `cluster-${requests}` } };
    await ceph.cluster.client.mergePatch(storageBackends, { name: ceph.backendName }, { spec });
  }

  async function addressOf(name: string): Promise<Readonly<Record<string, string>>> {
    const { metadata } = await ceph.share(tenant, name);
    return { vol_name: ceph.lab.fileSystem, group_name: 'sharenet', sub_name: subvolumeNameOf(metadata.uid ?? '') };
  }

  async function requireUsable(rule: string): Promise<void> {
    const client = await ceph.mount(tenant, rule, rules.get(rule)?.share ?? '');
    if (rules.get(rule)?.level === 'rw') await client.write(`/${rule}`, 'text');
    else await client.list();
  }

  test('a key that was changed is in the Secrets on request, of every rule of the id', async () => {
    const before = await ceph.mountOf(tenant, 'writer', 'one');
    for (const rule of ['writer', 'both-one']) {
      const caps = await capsOf(rule);
      await removeID(rule);
      await ceph.lab.createUser(idOf(rule), caps);
    }
    await reconcile('one', 'two');
    await agreed();
    expect((await ceph.mountOf(tenant, 'writer', 'one')).key).not.toBe(before.key);
    for (const rule of rules.keys()) await requireUsable(rule);
    expect(await refusalOf(ceph.mountWith(before))).toMatch(keptOut);
  });

  test.each([
    ['by itself, once the backend is another one', () => changeBackend()],
    ['on request', () => reconcile('one', 'two')],
  ])('ids and capabilities that were removed are put right %s', async (_, cause) => {
    const keys = await Promise.all(['writer', 'reader'].map((rule) => ceph.mountOf(tenant, rule, 'one')));
    const { mon: _mon, ...noMon } = await capsOf('writer');
    await setCaps('writer', noMon);
    const { mds: _mds, ...noPath } = await capsOf('reader');
    await setCaps('reader', { ...noPath, mon: 'allow r' });
    await removeID('both-one');
    expect(await refusalOf(ceph.mount(tenant, 'reader', 'one'))).toBeDefined();
    await cause();
    await agreed();
    // What was only repaired keeps its key.
    expect(await Promise.all(['writer', 'reader'].map((rule) => ceph.mountOf(tenant, rule, 'one')))).toEqual(keys);
    for (const rule of rules.keys()) await requireUsable(rule);
  });

  test('an id that was given more than its rules keeps its key to itself until that is taken back', async () => {
    const caps = await capsOf('writer');
    await setCaps('writer', { ...caps, mgr: 'allow *' });
    await reconcile('one');
    const rule = await tenant.untilError('writer', 'AccessRejected');
    expect(rule.status?.conditions?.find(({ type }) => type === 'Ready')?.message).toContain(
      'Ceph has it for someone else',
    );
    expect((await tenant.rule('reader')).status?.phase).toBe('active');
    await setCaps('writer', caps);
    await reconcile('one');
    await agreed();
    await requireUsable('writer');
  });

  test('an id that was authorized by hand is taken off the share on request, and its client thrown out', async () => {
    const address = await addressOf('one');
    const stranger = `${tenant.namespace}-stranger`;
    const authorize = { prefix: 'fs subvolume authorize', ...address, auth_id: stranger, tenant_id: 'somebody' };
    const key = (await ceph.lab.succeed('mgr', authorize)).trim();
    const writer = await ceph.mount(tenant, 'writer', 'one');
    const client = await ceph.mount(tenant, 'writer', 'one', { user: stranger, key });
    await client.write('/file', 'text');
    expect(await authorizedOn(ceph, await ceph.share(tenant, 'one'))).toContain(`${stranger} rw`);
    await reconcile('one');
    await agreed();
    expect(await refusalOf(client.write('/file', 'more'))).toBeDefined();
    expect(await writer.read('/file')).toBe('text');
  });

  test('a subvolume that was removed is lost, not made again; its rules and the Share leave nothing behind', async () => {
    const address = await addressOf('one');
    const before = await ceph.mountOf(tenant, 'writer', 'one');
    await ceph.lab.succeed('mgr', { prefix: 'fs subvolume rm', ...address });
    // The first call that does not find it has the share examined.
    await tenant.grant('later', 'one', { accessTo: `${tenant.namespace}-later` });
    const lost = await tenant.untilShare('one', 'lost', (share) => conditionOf(share, 'Ready') === 'False/ShareLost');
    expect(lost.status?.phase).toBe('error');
    await tenant.untilRule('later', 'waits', (rule) => conditionOf(rule, 'Ready') === 'False/ShareNotAvailable');
    await reconcile('one');
    expect(await ceph.subvolumes()).not.toContain(address.sub_name);
    await requireUsable('both-two');

    // Rules that are deleted, and rules whose Share is.
    await tenant.kubectl('delete', 'shareaccess', 'writer', 'later', '--timeout=20s');
    await tenant.kubectl('delete', 'share', 'one', '--timeout=20s');
    await tenant.kubectl('delete', 'shareaccess', 'reader', 'both-one', '--timeout=20s');
    for (const rule of ['writer', 'reader', 'both-one']) rules.delete(rule);
    await agreed();
    await requireUsable('both-two');

    // An id that was denied there comes back with another key.
    await grant('writer', 'two');
    await agreed();
    expect((await ceph.mountOf(tenant, 'writer', 'two')).key).not.toBe(before.key);
    await requireUsable('writer');
  });
});
