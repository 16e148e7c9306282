import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../../../faults/eventually.ts';
import { Person } from '../../../integration/cli/plugin.ts';
import { messageOf, type Tenant } from '../../../integration/tenant.ts';
import { keptOut, refusalOf } from '../rig.ts';
import { cephBackend, operatorCephUser } from './ceph-backend.ts';
import { cutBoundMs, timesToCutOff } from './cut-off.ts';
import { keySearch } from './key-search.ts';
import { OperatorOnCeph } from './operator-on-ceph.ts';

describe('cephx ids of rules', () => {
  let ceph: OperatorOnCeph;
  let tenant: Tenant;
  let stranger: Tenant;

  beforeAll(async () => {
    ceph = await OperatorOnCeph.start();
    tenant = await ceph.tenant();
    stranger = await ceph.tenant();
    await ceph.makeShares(tenant, ['one', 'two']);
    await ceph.makeShares(stranger, ['theirs']);
  }, 120_000);

  afterEach(() => ceph?.endClients());

  afterAll(async () => {
    await ceph?.stop();
  });

  const secretOf = ({ namespace }: Tenant, rule: string): string => `Secret ${namespace}/${rule}-access-key`;

  async function keyOf(id: string): Promise<string> {
    const key = (await ceph.cephUser(id))?.key ?? '';
    expect(key).toHaveLength(40);
    return key;
  }

  /** Asks for a rule that has to be refused, beside one that is granted. @returns the message of its Ready condition */
  async function refused(name: string, accessTo: string): Promise<string> {
    await stranger.grant(`beside-${name}`, 'theirs');
    await stranger.grant(name, 'theirs', { accessTo });
    const rule = await stranger.untilError(name, 'AccessRejected');
    await stranger.untilActive(`beside-${name}`);
    expect(rule.status?.accessKeySecretRef).toBeUndefined();
    expect(await stranger.secret(`${name}-access-key`)).toBeUndefined();
    return messageOf(rule, 'Ready');
  }

  test('one id on two shares has one key; taking it off one leaves the mounts of the other', async () => {
    await tenant.grant('batch-1', 'one', { accessTo: 'batch' });
    await tenant.grant('batch-2', 'two', { accessTo: 'batch' });
    await tenant.untilActive('batch-1');
    await tenant.untilActive('batch-2');
    const [first, second] = [
      await ceph.mountOf(tenant, 'batch-1', 'one'),
      await ceph.mountOf(tenant, 'batch-2', 'two'),
    ];
    expect([first.key, first.user]).toEqual([second.key, 'batch']);
    expect(first.root).not.toBe(second.root);
    const [leaving, staying] = [await ceph.mountWith(first), await ceph.mountWith(second)];
    await leaving.write('/file', 'one');
    await staying.write('/file', 'two');

    const deletion = (): Promise<string> => tenant.kubectl('delete', 'shareaccess', 'batch-1', '--timeout=30s');
    for (const took of await timesToCutOff(deletion, [leaving])) expect(took).toBeLessThan(cutBoundMs);
    await eventually('the Secret is gone', async () => (await tenant.secret('batch-1-access-key')) === undefined);
    expect(await tenant.keyInSecret('batch-2')).toBe(second.key);
    expect(await staying.read('/file')).toBe('two');
    await staying.write('/file', 'more');
    expect(await refusalOf(ceph.mountWith(first))).toMatch(keptOut);
    expect(await (await ceph.mountWith(second)).read('/file')).toBe('more');
    expect(await keyOf('batch')).toBe(second.key);

    await tenant.kubectl('delete', 'shareaccess', 'batch-2', '--timeout=30s');
    expect(await ceph.cephUser('batch')).toBeUndefined();
  });

  test('one id that writes on one share and reads on another does so', async () => {
    await tenant.grant('mixed-1', 'one', { accessTo: 'mixed' });
    await tenant.grant('mixed-2', 'two', { accessTo: 'mixed', accessLevel: 'ro' });
    await tenant.untilActive('mixed-1');
    await tenant.untilActive('mixed-2');
    await (await ceph.mount(tenant, 'mixed-1', 'one')).write('/mixed', 'text');
    const reader = await ceph.mount(tenant, 'mixed-2', 'two');
    await reader.list();
    expect(await refusalOf(reader.write('/mixed', 'text'))).toMatch(/^(EACCES|EPERM|EROFS)$/);
  });

  test('an id of another namespace is an error of the rule, and its key is shown nowhere', async () => {
    await tenant.grant('alice', 'one');
    await tenant.untilActive('alice');
    const before = await ceph.cephUser('alice');
    const message = await refused('thief', 'alice');
    expect(message).toContain('choose another one');
    expect(message).not.toContain(tenant.namespace);
    const placesOf = await keySearch(ceph);
    expect(placesOf(await keyOf('alice'))).toEqual([secretOf(tenant, 'alice')]);
    // Asked again, it is refused again; and what becomes of it changes nothing of the owner's.
    await stranger.annotate('share', 'theirs', 'sharenet.io/reconcile-requested-at=again');
    await stranger.untilShare('theirs', 'recovered', ({ status }) => status?.lastHandledReconcileAt === 'again');
    await stranger.untilError('thief', 'AccessRejected');
    expect(await ceph.cephUser('alice')).toEqual(before);
    await (await ceph.mount(tenant, 'alice', 'one')).write('/alice', 'text');

    // When its owner has given it up, it can be had, with another key.
    await tenant.kubectl('delete', 'shareaccess', 'alice', '--timeout=30s');
    await stranger.annotate('shareaccess', 'thief', 'sharenet.io/reconcile-requested-at=free');
    await stranger.untilActive('thief');
    expect(await stranger.keyInSecret('thief')).toBe(await keyOf('alice'));
    expect(await keyOf('alice')).not.toBe(before?.key);
  });

  test.each([
    ['of Ceph’s administrator', 'admin'],
    ['of the operator itself', operatorCephUser],
    ['of Ceph’s own', 'bootstrap-osd'],
  ])('the id %s is refused, left as it is, and its key shown nowhere', async (_whose, id) => {
    const before = await ceph.cephUser(id);
    const message = await refused(`as-${id}`, id);
    expect(message).toContain(JSON.stringify(id));
    const expected = id === operatorCephUser ? ['Secret sharenet-system/ceph'] : [];
    expect((await keySearch(ceph))(await keyOf(id))).toEqual(expected);
    await stranger.kubectl('delete', 'shareaccess', `as-${id}`, '--timeout=30s');
    expect(await ceph.cephUser(id)).toEqual(before);
  });

  test('an id that someone made by hand is refused as if it were another tenant’s, also while its share is deleted', async () => {
    await ceph.lab.createUser('by-hand', { mon: 'allow r', mds: 'allow rw path=/', osd: 'allow rw' });
    const before = await ceph.cephUser('by-hand');
    await ceph.makeShares(stranger, ['brief']);
    await stranger.grant('guess', 'brief', { accessTo: 'by-hand' });
    const rule = await stranger.untilError('guess', 'AccessRejected');
    await tenant.grant('real', 'one', { accessTo: 'real' });
    await tenant.untilActive('real');
    const ofTenant = await refused('guess-2', 'real');
    // Nothing tells who has it.
    expect(messageOf(rule, 'Ready').replace('by-hand', 'real')).toBe(ofTenant);
    expect((await keySearch(ceph))(await keyOf('by-hand'))).toEqual([]);
    await stranger.kubectl('delete', 'share', 'brief', '--timeout=60s');
    await stranger.kubectl('delete', 'shareaccess', 'guess', '--timeout=30s');
    expect(await ceph.cephUser('by-hand')).toEqual(before);
  });

  test('a reserved id is for the namespaces that the backend gives it to, and stays with who had it before', async () => {
    await stranger.grant('early', 'theirs', { accessTo: 'ops-early' });
    await stranger.untilActive('early');
    const selector = { matchLabels: { team: 'ops' } };
    const reservedIDs = [{ prefixes: ['ops-'], namespaces: { from: 'Selector', selector } as const }];
    await ceph.cluster.apply(cephBackend(ceph.backendName, ceph.lab, { reservedIDs }));
    await ceph.untilBackend(ceph.backendName, 'True/Available');

    await stranger.grant('late', 'theirs', { accessTo: 'ops-late' });
    const refusedRule = await stranger.untilError('late', 'AccessIDReserved');
    expect(messageOf(refusedRule, 'Ready')).not.toMatch(/team|prefix/);
    expect(await ceph.cephUser('ops-late')).toBeUndefined();
    // What was granted stays, also when its level changes and when the share is looked at again.
    await stranger.grant('early', 'theirs', { accessTo: 'ops-early', accessLevel: 'ro' });
    await stranger.annotate('share', 'theirs', 'sharenet.io/reconcile-requested-at=reserved');
    await stranger.untilShare('theirs', 'seen', ({ status }) => status?.lastHandledReconcileAt === 'reserved');
    expect((await stranger.untilActive('early')).status).toMatchObject({ accessLevel: 'ro' });
    expect(await stranger.keyInSecret('early')).toBe(await keyOf('ops-early'));

    await tenant.cluster.kubectl('label', 'namespace', tenant.namespace, 'team=ops');
    await tenant.grant('late', 'one', { accessTo: 'ops-late' });
    await tenant.untilActive('late');
    await tenant.kubectl('delete', 'shareaccess', 'late', '--timeout=30s');
    await tenant.cluster.kubectl('label', 'namespace', stranger.namespace, 'team=ops');
    await stranger.untilActive('late');
    await ceph.cluster.apply(cephBackend(ceph.backendName, ceph.lab));
    await stranger.kubectl('delete', 'shareaccess', 'early', 'late', '--timeout=30s');
  });

  test('an id of any characters that a rule may have gives access, and denial takes it', async () => {
    const ids = [
      'two words',
      'quo"te',
      "apo'strophe",
      'com,ma',
      'st*r',
      '[brackets]',
      'back\\slash',
      '$HOME',
      'a=b',
      '{}',
    ];
    const rules = [...ids, 'x'.repeat(64)].map((id, index) => ({ id, name: `odd-${index}` }));
    for (const { id, name } of rules) await tenant.grant(name, 'one', { accessTo: id });
    for (const { name } of rules) await tenant.untilActive(name);
    const clients = await Promise.all(rules.map(({ name }) => ceph.mount(tenant, name, 'one')));
    for (const [index, client] of clients.entries()) await client.write(`/odd-${index}`, 'text');
    const names = rules.map(({ name }) => name);
    await timesToCutOff(() => tenant.kubectl('delete', 'shareaccess', ...names, '--timeout=60s'), clients);
    for (const { id } of rules) expect(await ceph.cephUser(id)).toBeUndefined();
  });

  test('kubectl sharenet shows the rules, and the keys to who may read them', async () => {
    await tenant.grant('shown', 'two', { accessLevel: 'ro' });
    await tenant.untilActive('shown');
    await tenant.grant('not-shown', 'two', { accessTo: 'admin' });
    await tenant.untilError('not-shown', 'AccessRejected');
    const key = await keyOf('shown');
    const person = await Person.with(tenant.cluster, 'tina', 'edit', tenant.namespace);
    const status = await person.sharenet('status');
    expect(status).toMatchObject({ code: 0, stderr: '' });
    expect(status.stdout).toMatch(/^share\/two CEPHFS 16Mi +available/m);
    expect(status.stdout).toMatch(/shareaccess\/shown cephx shown ro +active/);
    expect(status.stdout).toMatch(/shareaccess\/not-shown cephx admin rw +error +AccessRejected: .*choose another one/);
    const listed = await person.sharenet('access', 'list', 'two', '--show-keys');
    expect(listed).toMatchObject({ code: 0, stderr: '' });
    expect(listed.stdout).toMatch(new RegExp(`^shown +two .* shown-access-key +${key.replaceAll('+', '\\+')}`, 'm'));
    expect(listed.stdout).toMatch(/^not-shown .*AccessRejected/m);
    const without = await person.sharenet('access', 'list', 'two');
    for (const { stdout } of [status, without]) expect(stdout).not.toContain(key);
  });
});
