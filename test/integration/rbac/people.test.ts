import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  securityServices,
  shareAccesses,
  shareNetworks,
  shareServers,
} from '../../../src/api/v1alpha1/resource-types.ts';
import { secrets } from '../../../src/runtime/core-types.ts';
import { eventually } from '../../faults/eventually.ts';
import { access, activeDirectory, backend, network, passwordSecret, share } from '../manifests.ts';
import { conditionOf } from '../tenant.ts';
import { TestCluster } from '../test-cluster.ts';
import { RawRequests } from './raw-request.ts';

/** Who asks: the cluster's roles, with what ours add to them, and our own. */
const people = ['view', 'edit', 'admin', 'sharenet-edit', 'sharenet-storage-admin'] as const;
type Person = (typeof people)[number];
/** Code for each person, in the order of {@link people}. */
type Codes = readonly [view: number, edit: number, admin: number, ours: number, storage: number];

const api = '/apis/sharenet.io/v1alpha1';
const namespace = 'team-a';
const own = (path: string): string => `${api}/namespaces/${namespace}/${path}`;
const core = (path: string): string => `/api/v1/namespaces/${namespace}/${path}`;
const annotated = { metadata: { annotations: { 'sharenet.io/reconcile-requested-at': '1' } } };
const phase = (value: string) => ({ status: { phase: value } });

const made = {
  securityservices: activeDirectory(namespace, 'ad-2'),
  sharenetworks: network(namespace, 'net-2', []),
  shares: share(namespace, 'two', { shareNetworkName: 'net' }),
  shareaccesses: access(namespace, 'bob', 'one'),
} as const;
const present = { securityservices: 'ad', sharenetworks: 'net', shares: 'one', shareaccesses: 'alice' } as const;
const kinds = ['securityservices', 'sharenetworks', 'shares', 'shareaccesses'] as const;

describe('what people may do, by the code of the API server', () => {
  let cluster: TestCluster;
  let server: string;
  const requests = new Map<Person, RawRequests>();

  beforeAll(async () => {
    cluster = await TestCluster.start();
    await cluster.startOperator();
    await cluster.kubectl('create', 'namespace', namespace);
    for (const person of people) {
      const kind = person === 'sharenet-storage-admin' ? ['clusterrolebinding'] : ['rolebinding', `-n=${namespace}`];
      await cluster.kubectl('create', ...kind, person, `--clusterrole=${person}`, `--user=${person}`);
      requests.set(person, await RawRequests.of(cluster.plane, { user: person }));
    }
    // Alone, ours gives what only writes.
    await cluster.kubectl(
      'create',
      'rolebinding',
      '-n',
      namespace,
      'ours',
      '--clusterrole=sharenet-view',
      '--user=sharenet-edit',
    );
    const group = 'sharenet.io';
    await cluster.untilMay({ user: 'view' }, { verb: 'list', group, resource: 'shares', namespace });
    await cluster.untilMay({ user: 'edit' }, { verb: 'create', group, resource: 'shares', namespace });
    await cluster.untilMay({ user: 'admin' }, { verb: 'create', group, resource: 'shares', namespace });
    await cluster.untilMay({ user: 'admin' }, { verb: 'delete', group, resource: 'shareservers', namespace });
    await cluster.untilMay({ user: 'sharenet-edit' }, { verb: 'list', group, resource: 'shares', namespace });
    await cluster.untilMay({ user: 'sharenet-storage-admin' }, { verb: 'create', group, resource: 'storagebackends' });
    await cluster.apply(
      backend('dummy', { stateDirectory: cluster.stateDirectory }),
      passwordSecret(namespace, 'ad-password', 'secret-a'),
      activeDirectory(namespace, 'ad'),
      network(namespace, 'net', [{ type: 'active_directory', name: 'ad' }]),
      share(namespace, 'one', { shareNetworkName: 'net' }),
      access(namespace, 'alice', 'one'),
    );
    const rule = { namespace, name: 'alice' };
    await cluster.until(shareAccesses, rule, 'active', ({ status }) => status?.phase === 'active');
    const { items } = await cluster.client.list(shareServers, { namespace });
    server = items[0]?.metadata.name ?? '';
    // The API server heeds a policy some moments after it took it.
    const renamed = { spec: { description: 'renamed' } };
    await eventually('the policy holds', async () => {
      const answer = await requests
        .get('sharenet-storage-admin')
        ?.send('PATCH', `${own('sharenetworks/net')}?dryRun=All`, renamed);
      return answer?.code === 403;
    });
  }, 180_000);

  afterAll(async () => {
    for (const each of requests.values()) await each.close();
    await cluster?.stop();
  });

  /** Asks as everybody; nothing is stored. */
  async function codes(method: 'GET' | 'POST' | 'PATCH' | 'DELETE', path: string, body?: object): Promise<Codes> {
    const ask = async (person: Person): Promise<number> => {
      const asked = path.replace('$server', server);
      return (
        (await requests.get(person)?.send(method, method === 'GET' ? asked : `${asked}?dryRun=All`, body))?.code ?? 0
      );
    };
    return [
      await ask('view'),
      await ask('edit'),
      await ask('admin'),
      await ask('sharenet-edit'),
      await ask('sharenet-storage-admin'),
    ];
  }

  describe.each(kinds)("a tenant's %s", (kind) => {
    const path = own(`${kind}/${present[kind]}`);

    test('are read by all', async () => {
      expect(await codes('GET', own(kind))).toEqual([200, 200, 200, 200, 200]);
      expect(await codes('GET', path)).toEqual([200, 200, 200, 200, 200]);
    });

    test('are made and deleted by tenants', async () => {
      expect(await codes('POST', own(kind), made[kind])).toEqual([403, 201, 201, 201, 403]);
      expect(await codes('DELETE', path)).toEqual([403, 200, 200, 200, 403]);
    });

    test('are changed by tenants, and annotated by the storage administrator', async () => {
      expect(await codes('PATCH', path, annotated)).toEqual([403, 200, 200, 200, 200]);
    });

    test('have a spec that tenants change, and no storage administrator', async () => {
      const spec = kind === 'shareaccesses' ? { accessLevel: 'ro' } : { description: 'another one' };
      expect(await codes('PATCH', path, { spec })).toEqual([403, 200, 200, 200, 403]);
      const refused = await requests.get('sharenet-storage-admin')?.send('PATCH', path, { spec });
      expect(refused?.message).toContain(
        `spec of ${kind}/${present[kind]} can be changed only by users who may create ${kind} in namespace ${namespace}`,
      );
    });

    test('have metadata of which the storage administrator changes ours only', async () => {
      const owner = { apiVersion: 'v1', kind: 'ConfigMap', name: 'gone', uid: '00000000-0000-4000-8000-000000000000' };
      for (const metadata of [
        { finalizers: null },
        { ownerReferences: [owner] },
        { labels: { 'argocd.argoproj.io/instance': 'other' } },
        { annotations: { 'kubectl.kubernetes.io/last-applied-configuration': null } },
        { annotations: { 'sharenet.io.example.com/paused': 'true' } },
      ]) {
        expect(await codes('PATCH', path, { metadata }), JSON.stringify(metadata)).toEqual([403, 200, 200, 200, 403]);
      }
      const metadata = { annotations: { 'sharenet.io/paused': 'true' }, labels: { 'sharenet.io/tier': 'gold' } };
      expect(await codes('PATCH', path, { metadata })).toEqual([403, 200, 200, 200, 200]);
    });

    test('have a status that no tenant writes', async () => {
      const reset = kind === 'sharenetworks' ? 200 : 403;
      expect(await codes('PATCH', `${path}/status`, { status: { observedGeneration: 1 } })).toEqual([
        403,
        403,
        403,
        403,
        reset,
      ]);
    });

    test('have finalizers that no one but the operator may speak for', async () => {
      expect(await codes('PATCH', `${path}/finalizers`, {})).toEqual([403, 403, 403, 403, 403]);
    });
  });

  test.each<readonly [string, 'GET' | 'POST' | 'PATCH' | 'DELETE', string, object | undefined, Codes]>([
    ['are read by all', 'GET', own('shareservers/$server'), undefined, [200, 200, 200, 200, 200]],
    [
      'are made by the operator alone',
      'POST',
      own('shareservers'),
      {
        apiVersion: 'sharenet.io/v1alpha1',
        kind: 'ShareServer',
        metadata: { name: 'mine' },
        spec: { backendName: 'dummy', shareNetworkName: 'net', subnetName: 'default' },
      },
      [403, 403, 403, 403, 403],
    ],
    [
      'declare what they support through the storage administrator',
      'PATCH',
      own('shareservers/$server'),
      { spec: { securityServiceUpdateSupport: false } },
      [403, 403, 403, 403, 200],
    ],
    [
      'are reset by the storage administrator',
      'PATCH',
      own('shareservers/$server/status'),
      phase('error'),
      [403, 403, 403, 403, 200],
    ],
    ['have finalizers', 'PATCH', own('shareservers/$server/finalizers'), {}, [403, 403, 403, 403, 403]],
    ['are deleted by administrators', 'DELETE', own('shareservers/$server'), undefined, [403, 403, 200, 403, 200]],
  ])('share servers %s', async (_what, method, path, body, expected) => {
    expect(await codes(method, path, body)).toEqual(expected);
  });

  test('share servers have metadata of which the storage administrator changes ours only', async () => {
    const path = own('shareservers/$server');
    expect(await codes('PATCH', path, { metadata: { finalizers: null } })).toEqual([403, 403, 403, 403, 403]);
    expect(await codes('PATCH', path, annotated)).toEqual([403, 403, 403, 403, 200]);
  });

  test('specs are also changed by the administrator of the cluster, service accounts with its rights, and the verb edit-spec', async () => {
    const bind = async (name: string, role: string, user: string): Promise<RawRequests> => {
      await cluster.kubectl('create', 'clusterrolebinding', name, `--clusterrole=${role}`, `--user=${user}`);
      await cluster.untilMay({ user }, { verb: 'patch', group: 'sharenet.io', resource: 'shares', namespace });
      return await RawRequests.of(cluster.plane, { user });
    };
    const resize = { spec: { description: 'by another' } };
    const path = `${own('shares/one')}?dryRun=All`;
    const rules = ['--verb=patch', '--resource=shares.sharenet.io'];
    await cluster.kubectl('create', 'clusterrole', 'patcher', ...rules);
    await cluster.kubectl('create', 'clusterrole', 'editor', ...rules, '--verb=edit-spec');
    for (const [name, role, code] of [
      ['flux', 'cluster-admin', 200],
      ['patcher', 'patcher', 403],
      ['editor', 'editor', 200],
    ] as const) {
      const asked = await bind(name, role, `system:serviceaccount:gitops:${name}`);
      expect((await asked.send('PATCH', path, resize)).code, name).toBe(code);
      await asked.close();
    }
    // Who administers storage and is a tenant besides.
    await cluster.kubectl(
      ...['create', 'rolebinding', 'both', '-n', namespace],
      ...['--clusterrole=sharenet-edit', '--user=sharenet-storage-admin'],
    );
    await cluster.untilMay(
      { user: 'sharenet-storage-admin' },
      { verb: 'create', group: 'sharenet.io', resource: 'shares', namespace },
    );
    expect((await requests.get('sharenet-storage-admin')?.send('PATCH', path, resize))?.code).toBe(200);
    await cluster.kubectl('delete', 'rolebinding', 'both', '-n', namespace);
  });

  test("storage backends are the storage administrator's, but for their status", async () => {
    const only = (code: number): Codes => [403, 403, 403, 403, code];
    const path = `${api}/storagebackends/dummy`;
    expect(await codes('GET', `${api}/storagebackends`)).toEqual(only(200));
    expect(await codes('POST', `${api}/storagebackends`, backend('more', {}))).toEqual(only(201));
    expect(await codes('PATCH', path, { spec: { enabled: false } })).toEqual(only(200));
    expect(await codes('PATCH', `${path}/status`, { status: { observedGeneration: 1 } })).toEqual(only(403));
    expect(await codes('PATCH', `${path}/finalizers`, {})).toEqual(only(403));
    expect(await codes('DELETE', path)).toEqual(only(200));
  });

  test('a network is reset by the storage administrator, with an answer to each mistake', async () => {
    const status = own('sharenetworks/net/status');
    expect(await codes('PATCH', status, phase('network_change'))).toEqual([403, 403, 403, 403, 200]);
    expect(await codes('PATCH', status, phase('broken'))).toEqual([403, 403, 403, 403, 422]);
    expect(await codes('PATCH', own('sharenetworks/none/status'), phase('active'))).toEqual([403, 403, 403, 403, 404]);
    const refused = await requests.get('edit')?.send('PATCH', status, phase('network_change'));
    expect(refused?.message).toContain('User "edit" cannot patch resource "sharenetworks/status"');
    expect((await cluster.client.get(shareNetworks, { namespace, name: 'net' })).status?.phase).toBe('active');
  });

  test('Secrets are read by those whom the cluster lets: our roles give nothing of them, nor of the access key', async () => {
    for (const name of ['ad-password', 'alice-access-key']) {
      expect(await codes('GET', core(`secrets/${name}`))).toEqual([403, 200, 200, 403, 403]);
    }
    expect(await codes('GET', core('secrets'))).toEqual([403, 200, 200, 403, 403]);
  });

  test("no one among them gets at the operator's namespace or another tenant's", async () => {
    await cluster.kubectl('create', 'namespace', 'team-b');
    for (const path of [
      '/api/v1/namespaces/sharenet-system/secrets/sharenet-installation',
      '/api/v1/namespaces/team-b/secrets',
      '/apis/coordination.k8s.io/v1/namespaces/sharenet-system/leases',
    ]) {
      expect(await codes('GET', path)).toEqual([403, 403, 403, 403, 403]);
    }
    expect(await codes('GET', `${api}/namespaces/team-b/shares`)).toEqual([403, 403, 403, 403, 200]);
    expect(await codes('GET', `${api}/shares`)).toEqual([403, 403, 403, 403, 200]);
  });

  test('a person who may create Secrets but not read them cannot have an access key sent to a server of their choice', async () => {
    await cluster.kubectl('-n', namespace, 'create', 'role', 'writer', '--verb=create', '--resource=secrets');
    await cluster.kubectl('-n', namespace, 'create', 'rolebinding', 'writer', '--role=writer', '--user=sharenet-edit');
    const user = { user: 'sharenet-edit' };
    await cluster.untilMay(user, { verb: 'create', resource: 'secrets', namespace });
    const kubeconfig = await cluster.plane.kubeconfigFor(user);
    const create = async (object: object): Promise<void> => {
      const input = JSON.stringify(object);
      expect(await cluster.plane.kubectl(['create', '-f', '-'], { kubeconfig, input })).toMatchObject({ code: 0 });
    };
    // The rule waits for its share; until then the Secret is made for it, as credentials.
    await create(access(namespace, 'mallory', 'later'));
    const rule = await cluster.client.get(shareAccesses, { namespace, name: 'mallory' });
    const { apiVersion, kind, metadata } = rule;
    await create({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: {
        namespace,
        name: 'mallory-access-key',
        labels: { 'sharenet.io/credentials': 'true' },
        ownerReferences: [{ apiVersion, kind, name: metadata.name, uid: metadata.uid }],
      },
    });
    await create(
      activeDirectory(namespace, 'mine', { passwordSecretRef: { name: 'mallory-access-key', key: 'accessKey' } }),
    );
    await create(share(namespace, 'later', { shareNetworkName: 'net' }));
    const name = { namespace, name: 'mallory' };
    await cluster.until(shareAccesses, name, 'active', ({ status }) => status?.phase === 'active');
    const key = await cluster.client.get(secrets, { namespace, name: 'mallory-access-key' });
    expect(key.data?.accessKey).toBeDefined();
    // Looked at again, after the key was stored.
    await cluster.kubectl(
      '-n',
      namespace,
      'annotate',
      'securityservice',
      'mine',
      'sharenet.io/reconcile-requested-at=1',
    );
    const service = await cluster.until(
      securityServices,
      { namespace, name: 'mine' },
      'looked at',
      ({ status }) => status?.lastHandledReconcileAt === '1',
    );
    expect(conditionOf(service, 'Ready')).toBe('False/CredentialsNotFound');
    expect(service.status?.credentialsVersion).toBeUndefined();
  });
});
