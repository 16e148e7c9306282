import { beforeEach, describe, expect, it } from 'vitest';
import { createOperatorRig, type OperatorRig } from '../../../test/faults/operator-rig.ts';
import * as labels from '../../api/v1alpha1/labels.ts';
import type { ShareAccess } from '../../api/v1alpha1/share-access.ts';
import { Installation } from '../../cluster-state/installation.ts';
import { type Secret, secretData, secrets, secretText } from '../../runtime/core-types.ts';
import { cachedKeySecret, deleteKey, keySecretName, liveKeySecret, ruleNameOf, storeKey } from './key-secret.ts';

const rule: ShareAccess = {
  metadata: { name: 'alice', namespace: 'tenant', uid: 'uid-alice' },
  spec: { shareName: 'share', accessType: 'cephx', accessTo: 'alice' },
  status: { phase: 'active', accessKeySecretRef: { name: 'alice-access-key' } },
};
const name = { namespace: 'tenant', name: 'alice-access-key' };
const path = '/api/v1/namespaces/tenant/secrets';

let rig: OperatorRig;

beforeEach(async () => {
  rig = await createOperatorRig();
  return () => rig[Symbol.asyncDispose]();
});

async function stored(): Promise<Secret> {
  return await rig.operator.client.get(secrets, name);
}

/** Writes to the Secret as another client, and shows the result to the cache. */
async function edit(change: (secret: Secret) => Secret): Promise<void> {
  rig.operator.informers.accessKeys.cache.observe(await rig.operator.client.replace(secrets, change(await stored())));
}

function writes(): readonly string[] {
  return rig.requests().filter((request) => !request.startsWith('GET'));
}

describe('the Secret of an access key', () => {
  it('holds what a Ceph client needs, belongs to its rule and does not block its deletion', async () => {
    expect(await storeKey(rig.operator, rule, 'AQB-key')).toBe(true);
    const secret = await stored();
    expect(secret).toMatchObject({
      type: 'Opaque',
      data: secretData({ accessKey: 'AQB-key', userID: 'alice', userKey: 'AQB-key' }),
      metadata: {
        ...name,
        labels: { [labels.accessKeyLabel]: 'true' },
        ownerReferences: [{ kind: 'ShareAccess', name: 'alice', uid: 'uid-alice', blockOwnerDeletion: false }],
      },
    });
    expect(JSON.stringify(secret.metadata)).not.toContain('AQB-key');
    expect(cachedKeySecret(rig.operator, rule).state).toBe('ours');
    expect([keySecretName(rule), ruleNameOf(secret)]).toEqual(['alice-access-key', 'alice']);
  });

  it('is not written again for the same key, and is replaced in place by one write for another key', async () => {
    await storeKey(rig.operator, rule, 'first');
    await storeKey(rig.operator, rule, 'first');
    expect(writes()).toEqual([`POST ${path}`]);
    await storeKey(rig.operator, rule, 'second');
    expect(writes()).toEqual([`POST ${path}`, `PUT ${path}/alice-access-key`]);
    expect(secretText(await stored(), 'accessKey')).toBe('second');
    expect(cachedKeySecret(rig.operator, rule).state).toBe('ours');
  });

  it.each<[string, (secret: Secret) => Secret, string]>([
    ['another key in it', (secret) => ({ ...secret, data: { ...secret.data, accessKey: 'eA==' } }), 'altered'],
    ['something added', (secret) => ({ ...secret, data: { ...secret.data, more: 'eA==' } }), 'altered'],
    ['nothing in it', ({ data: _data, ...secret }) => secret, 'altered'],
    ['no digest', (secret) => annotated(secret, {}), 'altered'],
    ['a made-up digest', (secret) => annotated(secret, { [labels.accessKeyDigest]: '00000000.00' }), 'altered'],
    [
      'an annotation of another client',
      (secret) => annotated(secret, { ...secret.metadata.annotations, note: 'x' }),
      'ours',
    ],
    ['no owner', (secret) => ({ ...secret, metadata: { ...secret.metadata, ownerReferences: [] } }), 'altered'],
  ])('with %s', async (_what, change, state) => {
    await storeKey(rig.operator, rule, 'key');
    await edit(change);
    expect(cachedKeySecret(rig.operator, rule).state).toBe(state);
    await storeKey(rig.operator, rule, 'key');
    expect(cachedKeySecret(rig.operator, rule).state).toBe('ours');
    expect(Object.keys((await stored()).data ?? {}).sort()).toEqual(['accessKey', 'userID', 'userKey']);
  });

  it('keeps labels, annotations and owners of others when it is repaired', async () => {
    await storeKey(rig.operator, rule, 'key');
    const other = { apiVersion: 'v1', kind: 'Pod', name: 'p', uid: 'uid-p' };
    await edit((secret) => {
      const { labels: own, annotations, ownerReferences = [] } = secret.metadata;
      const metadata = {
        ...secret.metadata,
        labels: { ...own, team: 'a' },
        annotations: { ...annotations, note: 'x' },
        ownerReferences: [other, ...ownerReferences],
      };
      return { ...secret, metadata, data: {} };
    });
    await storeKey(rig.operator, rule, 'key');
    const { metadata } = await stored();
    expect(metadata.labels).toEqual({ [labels.accessKeyLabel]: 'true', team: 'a' });
    expect(metadata.annotations).toMatchObject({ note: 'x', [labels.accessKeyDigest]: expect.any(String) });
    expect(metadata.ownerReferences?.map(({ uid }) => uid)).toEqual(['uid-p', 'uid-alice']);
  });

  it.each<[string, (secret: Secret) => Secret]>([
    ['immutable', (secret) => ({ ...secret, immutable: true, data: { accessKey: 'eA==' } })],
    ['of another type', (secret) => ({ ...secret, type: 'kubernetes.io/tls' })],
  ])('that was made %s is deleted as it was seen, and created', async (_what, change) => {
    await storeKey(rig.operator, rule, 'key');
    await edit(change);
    expect(cachedKeySecret(rig.operator, rule).state).toBe('altered');
    const before = writes().length;
    expect(await storeKey(rig.operator, rule, 'key')).toBe(true);
    expect(writes().slice(before)).toEqual([`DELETE ${path}/alice-access-key`, `POST ${path}`]);
    expect(await stored()).toMatchObject({ type: 'Opaque', data: { accessKey: 'a2V5' } });
    expect((await stored()).immutable).toBeUndefined();
    expect(cachedKeySecret(rig.operator, rule).state).toBe('ours');
  });

  it('that is immutable, wrong and held by a finalizer counts as foreign: the rule does not become active', async () => {
    await storeKey(rig.operator, rule, 'key');
    await edit((secret) => ({
      ...secret,
      immutable: true,
      data: { accessKey: 'eA==' },
      metadata: { ...secret.metadata, finalizers: ['held'], deletionTimestamp: '2026-01-01T00:00:00Z' },
    }));
    expect(cachedKeySecret(rig.operator, rule).state).toBe('foreign');
    expect(await storeKey(rig.operator, rule, 'key')).toBe(false);
  });

  it('is restored after the installation key was lost: its digest proves nothing', async () => {
    await storeKey(rig.operator, rule, 'key');
    const installation = new Installation('installation-1', Buffer.alloc(32, 2));
    const later = { ...rig.operator, installation };
    expect(cachedKeySecret(later, rule).state).toBe('altered');
    await storeKey(later, rule, 'key');
    await storeKey(later, rule, 'key');
    expect(writes()).toEqual([`POST ${path}`, `PUT ${path}/alice-access-key`]);
    await edit((secret) => ({ ...secret, data: { ...secret.data, accessKey: 'eA==' } }));
    expect(cachedKeySecret(later, rule).state).toBe('altered');
  });

  it('of the same name that does not belong to the rule is never touched', async () => {
    rig.server.put('/api/v1/secrets', { metadata: name, ...{ data: { accessKey: 'Zm9yZWlnbg==' } } });
    expect(cachedKeySecret(rig.operator, rule).state).toBe('missing');
    expect((await liveKeySecret(rig.operator, rule)).state).toBe('foreign');
    expect(await storeKey(rig.operator, rule, 'key')).toBe(false);
    await deleteKey(rig.operator, rule);
    expect(secretText(await stored(), 'accessKey')).toBe('foreign');
    expect(writes().filter((request) => !request.startsWith('POST'))).toEqual([]);
  });

  it('of a former rule of the same name, restored with or without its owner, is adopted; a changed one is not', async () => {
    await storeKey(rig.operator, rule, 'key');
    const next = { ...rule, metadata: { ...rule.metadata, uid: 'uid-next' } };
    await edit((secret) => ({ ...secret, data: { ...secret.data, userID: 'eA==' } }));
    expect((await liveKeySecret(rig.operator, next)).state).toBe('foreign');
    await edit((secret) => ({ ...secret, data: { ...secret.data, userID: 'YWxpY2U=' } }));
    for (const ownerReferences of [(await stored()).metadata.ownerReferences ?? [], []]) {
      await edit((secret) => ({ ...secret, metadata: { ...secret.metadata, ownerReferences } }));
      expect((await liveKeySecret(rig.operator, next)).state).toBe('altered');
      expect(await storeKey(rig.operator, next, 'key')).toBe(true);
      expect((await stored()).metadata.ownerReferences?.map(({ uid }) => uid)).toEqual(['uid-next']);
    }
    expect(secretText(await stored(), 'accessKey')).toBe('key');
  });

  it('that was deleted while the cache lags is created again', async () => {
    await storeKey(rig.operator, rule, 'first');
    rig.server.remove('/api/v1/secrets', name);
    expect((await liveKeySecret(rig.operator, rule)).state).toBe('missing');
    expect(await storeKey(rig.operator, rule, 'second')).toBe(true);
    expect(secretText(await stored(), 'accessKey')).toBe('second');
  });

  it('is deleted with its rule, also when it no longer exists', async () => {
    await storeKey(rig.operator, rule, 'key');
    await deleteKey(rig.operator, rule);
    expect((await liveKeySecret(rig.operator, rule)).state).toBe('missing');
    await deleteKey(rig.operator, rule);
  });

  it('is deleted although its label was removed', async () => {
    await storeKey(rig.operator, rule, 'key');
    await edit((secret) => ({ ...secret, metadata: { ...secret.metadata, labels: {} } }));
    await deleteKey(rig.operator, rule);
    expect((await liveKeySecret(rig.operator, rule)).state).toBe('missing');
  });
});

function annotated(secret: Secret, annotations: Readonly<Record<string, string>>): Secret {
  return { ...secret, metadata: { ...secret.metadata, annotations } };
}
