import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { secrets } from '../../../src/runtime/core-types.ts';
import { eventually } from '../../faults/eventually.ts';
import { freePort } from '../../kube/free-port.ts';
import type { AuditEvent } from '../audit-log.ts';
import { passwordSecret } from '../manifests.ts';
import { operatorUser } from '../operator-user.ts';
import { TestCluster } from '../test-cluster.ts';
import { allowedBy, operatorRequests, type ShippedRights, shippedRights, unused } from './permissions.ts';
import { RawRequests } from './raw-request.ts';
import { liveThrough, makeBackend, removeBackend } from './whole-life.ts';

describe("the operator's rights in config/rbac", () => {
  let cluster: TestCluster;
  let rights: ShippedRights;
  let requests: readonly AuditEvent[];

  beforeAll(async () => {
    cluster = await TestCluster.start();
    rights = await shippedRights(cluster, 'rbac');
    const namespace = await cluster.namespace();
    const webhook = ['--webhook-mode=url', `--webhook-port=${await freePort()}`];
    const operator = await cluster.startOperator('--leader-elect', ...webhook);
    await makeBackend(cluster, 'dummy');
    await liveThrough(cluster, namespace);
    await removeBackend(cluster, 'dummy');
    await operator.stop();
    const last = await cluster.startOperator('--webhook-mode=off');
    // Watches are in the audit log when they have ended.
    await last.stop();
    requests = await operatorRequests(cluster);
  }, 240_000);

  afterAll(async () => {
    await cluster?.stop();
  });

  test('allow all that it asks for in the life of a network, and nothing else does', async () => {
    expect(requests.length).toBeGreaterThan(100);
    expect(await cluster.refusals()).toEqual([]);
    // Every authenticated user may ask for their own identity.
    const known = [...rights.bindings, 'ClusterRoleBinding "system:basic-user"'];
    for (const binding of allowedBy(requests)) expect(known).toContain(binding);
  });

  test('are all needed for that, but for a few', () => {
    expect(unused(rights, requests)).toEqual([
      // The API server asks for it besides patch where server-side apply makes an object.
      'create validatingwebhookconfigurations/sharenet-validating-webhook',
      // Asked for by the admission plug-in OwnerReferencesPermissionEnforcement inside of the API server, which has it here: the
      // operator could not make a share server otherwise.
      'update sharenetworks/finalizers',
    ]);
  });
});

describe('the Secrets that the account of the operator writes', () => {
  let cluster: TestCluster;
  let requests: RawRequests;
  let namespace: string;
  const own = 'sharenet-system';
  const key = { labels: { 'sharenet.io/access-key': 'true' } };
  const owned = {
    ...key,
    ownerReferences: [{ apiVersion: 'sharenet.io/v1alpha1', kind: 'ShareAccess', name: 'a', uid: 'b' }],
  };
  const stored = { other: {}, 'their-access-key': {}, 'ours-access-key': owned } as const;

  beforeAll(async () => {
    cluster = await TestCluster.start();
    namespace = await cluster.namespace();
    for (const [name, metadata] of Object.entries(stored)) {
      await cluster.apply({ apiVersion: 'v1', kind: 'Secret', metadata: { namespace, name, ...metadata } });
    }
    await cluster.apply(passwordSecret(own, 'backend', 'word'), passwordSecret(namespace, 'ad-password', 'word'));
    requests = await RawRequests.of(cluster.plane, operatorUser);
    await eventually('the policy holds', async () => (await create(namespace, { name: 'any' })) === 403);
  }, 120_000);

  afterAll(async () => {
    await requests?.close();
    await cluster?.stop();
  });

  const path = (where: string, name = '') => `/api/v1/namespaces/${where}/secrets${name && `/${name}`}?dryRun=All`;
  const create = async (where: string, metadata: object, type = 'Opaque'): Promise<number> =>
    (await requests.send('POST', path(where), { apiVersion: 'v1', kind: 'Secret', metadata, type })).code;
  const replace = async (where: string, name: string, change: object): Promise<number> => {
    const { metadata, ...secret } = await cluster.client.get(secrets, { namespace: where, name });
    const changed = { ...secret, apiVersion: 'v1', kind: 'Secret', metadata: { ...metadata, ...change } };
    return (await requests.send('PUT', path(where, name), changed)).code;
  };
  const token = 'kubernetes.io/service-account-token';
  const account = { annotations: { 'kubernetes.io/service-account.name': 'default' } };

  test('are access keys in namespaces of tenants', async () => {
    expect(await create(namespace, { name: 'alice-access-key', ...owned })).toBe(201);
    expect(await create(namespace, { name: 'alice-access-key', ...key })).toBe(403);
    expect(await create(namespace, { name: 'alice-access-key' })).toBe(403);
    expect(await create(namespace, { name: 'alice', ...owned })).toBe(403);
    expect(await create(namespace, { name: 'ad-2', labels: { 'sharenet.io/credentials': 'true' } })).toBe(403);
    expect(await replace(namespace, 'ours-access-key', { annotations: { x: 'y' } })).toBe(200);
    expect(await replace(namespace, 'ours-access-key', { labels: {} })).toBe(403);
    expect(await replace(namespace, 'ours-access-key', { ownerReferences: [] })).toBe(403);
    for (const name of ['other', 'their-access-key', 'ad-password']) {
      expect(await replace(namespace, name, owned), name).toBe(403);
      expect((await requests.send('DELETE', path(namespace, name))).code, name).toBe(403);
    }
    expect((await requests.send('DELETE', path(namespace, 'ours-access-key'))).code).toBe(200);
  });

  test('are no tokens of service accounts or for joining, in whatever form', async () => {
    for (const where of [own, namespace, 'kube-system']) {
      expect(await create(where, { name: 'any', ...account }, token), where).toBe(403);
      expect(await create(where, { name: 'x-access-key', ...account, ...owned }, token), where).toBe(403);
    }
    expect(await create(own, { name: 'sharenet-installation', ...account }, token)).toBe(403);
    expect(await create(own, { name: 'share-server-1', ...account }, token)).toBe(403);
    expect(await create(own, { name: 'sharenet-webhook-certificate', ...account }, token)).toBe(403);
    expect(await create('kube-system', { name: 'bootstrap-token-abcdef' }, 'bootstrap.kubernetes.io/token')).toBe(403);
  });

  test("are those of its own names in the operator's namespace", async () => {
    const marked = { labels: { 'sharenet.io/credentials': 'true' } };
    expect(await create(own, { name: 'share-server-1', ...marked })).toBe(201);
    expect(await create(own, { name: 'share-server-1' })).toBe(403);
    expect(await create(own, { name: 'backend-2', ...marked })).toBe(403);
    expect(await replace(own, 'backend', { annotations: { x: 'y' } })).toBe(403);
    expect((await requests.send('DELETE', path(own, 'backend'))).code).toBe(403);
    expect(await create(namespace, { name: 'share-server-1', ...marked })).toBe(403);
    expect(await create(namespace, { name: 'sharenet-installation' })).toBe(403);
  });

  test('are nothing to do with what others write', async () => {
    const others = await RawRequests.of(cluster.plane, { user: 'root', groups: ['system:masters'] });
    const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'any', ...account }, type: token };
    expect((await others.send('POST', path(namespace), secret)).code).toBe(201);
    await others.close();
  });
});
