import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { shareAccesses } from '../../../src/api/v1alpha1/resource-types.ts';
import { type Secret, secrets, secretText } from '../../../src/runtime/core-types.ts';
import { createInformer } from '../../../src/runtime/informer.ts';
import { createLogger } from '../../../src/runtime/logger.ts';
import { eventually } from '../../faults/eventually.ts';
import type { OperatorProcess } from '../operator-process.ts';
import { conditionOf, Tenant } from '../tenant.ts';
import { TestCluster } from '../test-cluster.ts';

describe('access keys', () => {
  let cluster: TestCluster;
  let operator: OperatorProcess;
  let tenant: Tenant;

  beforeAll(async () => {
    cluster = await TestCluster.start();
    operator = await cluster.startOperator();
    tenant = await Tenant.make(cluster);
    await tenant.makeShares(['one', 'two']);
  }, 120_000);

  afterAll(async () => {
    await cluster?.stop();
  });

  test('the Secret is stored before the phase is active, and holds exactly the key, twice, and the id', async () => {
    const abort = new AbortController();
    const logger = createLogger({ level: 'silent', format: 'json' });
    const versions: { what: string; version: bigint }[] = [];
    const note = (what: string, version: string | undefined) => versions.push({ what, version: BigInt(version ?? 0) });
    const namespaces = [tenant.namespace];
    const rules = createInformer(cluster.client, { type: shareAccesses, namespaces }, { logger });
    const keys = createInformer(cluster.client, { type: secrets, namespaces }, { logger });
    rules.onEvent(({ object }) => note(object.status?.phase ?? '', object.metadata.resourceVersion));
    keys.onEvent(({ object }) => note('secret', object.metadata.resourceVersion));
    rules.start(abort.signal);
    keys.start(abort.signal);
    await Promise.all([rules.whenSynced(), keys.whenSynced()]);
    await tenant.grant('alice', 'one');
    const rule = await tenant.untilActive('alice');
    await eventually('the watch shows it', () => versions.some(({ what }) => what === 'active'));
    abort.abort();

    const order = versions.toSorted((a, b) => (a.version < b.version ? -1 : 1)).map(({ what }) => what);
    expect(order.indexOf('secret')).toBeLessThan(order.indexOf('active'));
    expect(order.filter((what) => what === 'active')).toHaveLength(1);
    expect(rule.status?.accessKeySecretRef).toEqual({ name: 'alice-access-key' });
    const secret = await cluster.client.get(secrets, { namespace: tenant.namespace, name: 'alice-access-key' });
    const key = await tenant.keyOnBackend('alice');
    expect(key).toHaveLength(40);
    expect(Object.keys(secret.data ?? {}).sort()).toEqual(['accessKey', 'userID', 'userKey']);
    expect([secretText(secret, 'accessKey'), secretText(secret, 'userID'), secretText(secret, 'userKey')]).toEqual([
      key,
      'alice',
      key,
    ]);
    expect(secret.type).toBe('Opaque');
    expect(secret.metadata.labels).toEqual({ 'sharenet.io/access-key': 'true' });
    expect(secret.metadata.ownerReferences).toEqual([
      {
        apiVersion: 'sharenet.io/v1alpha1',
        kind: 'ShareAccess',
        name: 'alice',
        uid: rule.metadata.uid,
        blockOwnerDeletion: false,
      },
    ]);
  });

  test('types without a key have no Secret and no reference to one', async () => {
    await tenant.grant('host', 'one', { accessType: 'ip', accessTo: '10.0.0.1' });
    const rule = await tenant.untilActive('host');
    expect(rule.status?.accessKeySecretRef).toBeUndefined();
    expect(await tenant.secret('host-access-key')).toBeUndefined();
  });

  test('a changed level keeps the key', async () => {
    const before = await tenant.keyInSecret('alice');
    await tenant.grant('alice', 'one', { accessLevel: 'ro' });
    const rule = await tenant.untilActive('alice');
    expect(rule.status?.accessLevel).toBe('ro');
    expect(await tenant.keyInSecret('alice')).toBe(before);
    expect(await tenant.grantedOn('one')).toMatchObject({ 'cephx:alice': 'ro' });
  });

  test('one id on two shares has one key, and revoking one leaves the other', async () => {
    await tenant.grant('bob-1', 'one', { accessTo: 'bob' });
    await tenant.grant('bob-2', 'two', { accessTo: 'bob' });
    await tenant.untilActive('bob-1');
    await tenant.untilActive('bob-2');
    const key = await tenant.keyOnBackend('bob');
    expect([await tenant.keyInSecret('bob-1'), await tenant.keyInSecret('bob-2')]).toEqual([key, key]);
    await tenant.kubectl('delete', 'shareaccess', 'bob-1');
    expect(await tenant.secret('bob-1-access-key')).toBeUndefined();
    expect(await tenant.grantedOn('one')).not.toHaveProperty('cephx:bob');
    expect(await tenant.grantedOn('two')).toHaveProperty('cephx:bob');
    expect([await tenant.keyOnBackend('bob'), await tenant.keyInSecret('bob-2')]).toEqual([key, key]);
  });

  test('an id of another namespace is refused and its key not disclosed', async () => {
    const neighbour = await tenant.neighbour();
    await neighbour.makeShares(['theirs']);
    await neighbour.grant('thief', 'theirs', { accessTo: 'alice' });
    await neighbour.grant('root', 'theirs', { accessTo: 'admin' });
    const rule = await neighbour.untilError('thief', 'AccessRejected');
    await neighbour.untilError('root', 'AccessRejected');
    expect(rule.status?.accessKeySecretRef).toBeUndefined();
    expect(await neighbour.secret('thief-access-key')).toBeUndefined();
  });

  test.each<readonly [string, () => Promise<unknown>]>([
    ['deleted', () => tenant.kubectl('delete', 'secret', 'alice-access-key')],
    ['changed in its data', () => patch({ data: { accessKey: 'c3RvbGVu', more: 'eA==' } })],
    ['without its label', () => patch({ metadata: noLabel })],
    ['without its digest', () => patch({ metadata: { annotations: { 'sharenet.io/access-key-digest': null } } })],
    ['without its owner', () => patch({ metadata: { ownerReferences: null } })],
    ['with a digest of someone', () => patch({ metadata: { annotations: forgedDigest }, data: { userID: 'eA==' } })],
    ['altered and made immutable', () => patch({ immutable: true, data: { accessKey: 'c3RvbGVu' } })],
    ['altered, made immutable and without its label', () => patch({ immutable: true, data: null, metadata: noLabel })],
  ])('a Secret that was %s is as before after a moment, and the rule stayed active', async (_what, alter) => {
    const key = await tenant.keyOnBackend('alice');
    const before = await tenant.secret('alice-access-key');
    const rule = await tenant.rule('alice');
    await alter();
    const isHealed = (secret: Secret | undefined): boolean =>
      secret?.immutable !== true &&
      JSON.stringify(secret?.data) === JSON.stringify(before?.data) &&
      JSON.stringify(secret?.metadata.labels) === JSON.stringify(before?.metadata.labels) &&
      JSON.stringify(secret?.metadata.annotations) === JSON.stringify(before?.metadata.annotations) &&
      JSON.stringify(secret?.metadata.ownerReferences) === JSON.stringify(before?.metadata.ownerReferences);
    await eventually('healed', async () => isHealed(await tenant.secret('alice-access-key')), 20_000);
    expect(await tenant.keyOnBackend('alice')).toBe(key);
    expect(await tenant.rule('alice')).toEqual(rule);
  });

  test('a rule is not ready while its Secret has a wrong key that cannot be restored yet', async () => {
    await tenant.configure({}, { enabled: false });
    await patch({ data: { accessKey: 'c3RvbGVu' } });
    const reason = 'False/AccessKeySecretAltered';
    const told = await tenant.untilRule('alice', reason, (rule) => conditionOf(rule, 'Ready') === reason);
    expect(told.status?.phase).toBe('active');
    await tenant.configure({}, { enabled: true });
    await tenant.untilRule('alice', 'ready again', (rule) => conditionOf(rule, 'Ready') === 'True/Applied');
    expect(await tenant.keyInSecret('alice')).toBe(await tenant.keyOnBackend('alice'));
  });

  test('an immutable Secret with a wrong key that a finalizer holds puts its rule in error', async () => {
    await patch({ metadata: { finalizers: ['example.com/held'] } });
    await patch({ immutable: true, data: { accessKey: 'c3RvbGVu' } });
    await tenant.untilError('alice', 'AccessKeySecretConflict');
    await patch({ metadata: { finalizers: null } });
    await tenant.untilActive('alice');
    expect(await tenant.keyInSecret('alice')).toBe(await tenant.keyOnBackend('alice'));
  });

  test('a foreign Secret of that name is not touched; the rule comes when it is gone', async () => {
    await tenant.kubectl('create', 'secret', 'generic', 'carol-access-key', '--from-literal=mine=yes');
    const foreign = await tenant.secret('carol-access-key');
    const calls = (await tenant.callsOf('updateAccess')).length;
    await tenant.grant('carol', 'one');
    await tenant.untilError('carol', 'AccessKeySecretConflict');
    expect((await tenant.callsOf('updateAccess')).length).toBe(calls);
    expect(await tenant.secret('carol-access-key')).toEqual(foreign);
    await tenant.kubectl('delete', 'secret', 'carol-access-key');
    await tenant.annotate('shareaccess', 'carol', 'sharenet.io/reconcile-requested-at=1');
    await tenant.untilActive('carol');
    expect(await tenant.keyInSecret('carol')).toBe(await tenant.keyOnBackend('carol'));
  });

  test('a granted rule whose Secret is replaced by a foreign one is denied, and granted again when that is gone', async () => {
    const foreign = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'carol-access-key', namespace: tenant.namespace },
      stringData: { mine: 'yes' },
    };
    // In one step: the operator must not find the name free.
    await tenant.pauseShare('one');
    await tenant.kubectl('delete', 'secret', 'carol-access-key');
    await cluster.kubectlWithInput(JSON.stringify(foreign), 'create', '-f', '-');
    await tenant.annotate('share', 'one', 'sharenet.io/paused-');
    const rule = await tenant.untilError('carol', 'AccessKeySecretConflict');
    expect(rule.status?.accessKeySecretRef).toBeUndefined();
    await eventually('denied', async () => !('cephx:carol' in (await tenant.grantedOn('one'))), 20_000);
    expect(await tenant.grantedOn('one')).toHaveProperty('cephx:alice');
    expect((await tenant.secret('carol-access-key'))?.data).toEqual({ mine: 'eWVz' });
    await tenant.kubectl('delete', 'secret', 'carol-access-key');
    await tenant.annotate('shareaccess', 'carol', 'sharenet.io/reconcile-requested-at=2');
    await tenant.untilActive('carol');
    expect(await tenant.keyInSecret('carol')).toBe(await tenant.keyOnBackend('carol'));
  });

  test('a key that an update made again replaces the old one in place', async () => {
    const uid = (await tenant.secret('alice-access-key'))?.metadata.uid;
    const path = join(
      cluster.stateDirectory,
      'backends',
      tenant.backendName,
      'keys',
      `${Buffer.from('alice').toString('hex')}.json`,
    );
    const document: object = JSON.parse(await readFile(path, 'utf8'));
    const { writeFile } = await import('node:fs/promises');
    await writeFile(path, JSON.stringify({ ...document, key: 'AQ-made-anew-by-the-administrator' }));
    await tenant.annotate('share', 'one', 'sharenet.io/reconcile-requested-at=new-key');
    await eventually(
      'new key',
      async () => (await tenant.keyInSecret('alice')) === 'AQ-made-anew-by-the-administrator',
      20_000,
    );
    expect((await tenant.secret('alice-access-key'))?.metadata.uid).toBe(uid);
  });

  test('keys of 255 characters are kept, longer ones refused', async () => {
    const long = await Tenant.make(cluster, { accessKeyLength: 255 });
    await long.makeShares(['long']);
    await long.grant('fits', 'long');
    await long.untilActive('fits');
    expect(await long.keyInSecret('fits')).toHaveLength(255);
    await long.configure({ accessKeyLength: 256 });
    await long.grant('too-long', 'long');
    await long.untilError('too-long', 'AccessKeyTooLong');
    expect(await long.secret('too-long-access-key')).toBeUndefined();
    expect(conditionOf(await long.rule('fits'), 'Ready')).toBe('True/Applied');
  });

  test('a recovery that brings no key says so, and leaves the old Secret', async () => {
    const keyless = await Tenant.make(cluster);
    await keyless.makeShares(['share']);
    await keyless.grant('dave', 'share');
    await keyless.untilActive('dave');
    const before = await keyless.keyInSecret('dave');
    await keyless.configure({ accessKeys: false });
    await keyless.annotate('share', 'share', 'sharenet.io/reconcile-requested-at=1');
    await keyless.untilError('dave', 'AccessKeyMissing');
    expect(await keyless.keyInSecret('dave')).toBe(before);
    await keyless.configure({ accessKeys: true });
    await keyless.annotate('share', 'share', 'sharenet.io/reconcile-requested-at=2');
    await keyless.untilActive('dave');
    expect(await keyless.keyInSecret('dave')).toBe(before);
  });

  test('no key is anywhere but in its Secret: no object, event, log line, metric or logged call', async () => {
    const keys = await Promise.all(['alice', 'bob', 'carol'].map((id) => tenant.keyOnBackend(id)));
    const kinds = (await cluster.kubectl('api-resources', '--verbs=list', '-o', 'name'))
      .split('\n')
      .filter((name) => name !== '' && name !== 'secrets');
    const objects = await cluster.kubectl('get', kinds.join(','), '-A', '-o', 'json', '--show-managed-fields');
    const calls = await readFile(join(cluster.stateDirectory, 'calls.jsonl'), 'utf8');
    const all = { objects, calls, log: await operator.log(), metrics: await operator.metrics() };
    for (const [where, text] of Object.entries(all)) {
      for (const key of keys) {
        expect(key).toBeDefined();
        expect([where, text.includes(key ?? ''), text.includes(Buffer.from(key ?? '').toString('base64'))]).toEqual([
          where,
          false,
          false,
        ]);
      }
    }
    const holders = JSON.parse(await cluster.kubectl('get', 'secrets', '-A', '-o', 'json')) as { items: Secret[] };
    const encoded = keys.map((key) => Buffer.from(key ?? '').toString('base64'));
    for (const { metadata, data } of holders.items) {
      if (Object.values(data ?? {}).some((value) => encoded.includes(value))) {
        expect(metadata.name).toMatch(/^(alice|bob-2|carol)-access-key$/);
      }
    }
    expect(all.log).toContain('reconcileID');
  });

  const noLabel = { labels: { 'sharenet.io/access-key': null } };
  const forgedDigest = { 'sharenet.io/access-key-digest': '00000000.00' };

  async function patch(change: object): Promise<string> {
    return await tenant.kubectl('patch', 'secret', 'alice-access-key', '--type=merge', '-p', JSON.stringify(change));
  }
});
