import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { webhookConfigurationName } from '../../../src/admission/webhook-configuration.ts';
import { shares, storageBackends } from '../../../src/api/v1alpha1/resource-types.ts';
import type { StorageBackend } from '../../../src/api/v1alpha1/storage-backend.ts';
import { secrets } from '../../../src/runtime/core-types.ts';
import { freePort } from '../../kube/free-port.ts';
import { activeDirectory, backend, network, passwordSecret, share } from '../manifests.ts';
import type { OperatorProcess } from '../operator-process.ts';
import { conditionOf, messageOf } from '../tenant.ts';
import { TestCluster, watchedNamespaces } from '../test-cluster.ts';
import { allowedBy, operatorRequests, type ShippedRights, shippedRights, unused } from './permissions.ts';
import { liveThrough, makeBackend } from './whole-life.ts';

const [first, second] = watchedNamespaces;

describe('an operator for some namespaces, with the rights and arguments of config/namespaced', () => {
  let cluster: TestCluster;
  let rights: ShippedRights;
  let operator: OperatorProcess;
  let unwatched: string;
  let args: readonly string[];

  beforeAll(async () => {
    cluster = await TestCluster.start({ rights: 'namespaced' });
    rights = await shippedRights(cluster, 'namespaced');
    unwatched = await cluster.namespace();
    // What the tests ask for with the operator's kubeconfig.
    cluster.expectRefusals(({ userAgent }) => userAgent?.startsWith('kubectl/') === true);
    await cluster.apply(
      passwordSecret(unwatched, 'ad-a-password', 'secret-a'),
      activeDirectory(unwatched, 'ad-a'),
      network(unwatched, 'net', [{ type: 'active_directory', name: 'ad-a' }]),
      share(unwatched, 'one', { shareNetworkName: 'net' }),
    );
    await makeBackend(cluster, 'dummy');
    // The API server reaches the operator on this machine, where the Service has no Pod to lead to.
    const port = await freePort();
    const toHere = JSON.stringify({ spec: { type: 'ExternalName', externalName: 'localhost' } });
    await cluster.kubectl(
      ...['patch', 'service', 'sharenet-webhook', '-n', 'sharenet-system', '--type=merge', `--patch=${toHere}`],
    );
    const ports = [0, 1, 2].map((index) => ({
      op: 'replace',
      path: `/webhooks/${index}/clientConfig/service/port`,
      value: port,
    }));
    const registration = ['validatingwebhookconfiguration', webhookConfigurationName];
    await cluster.kubectl('patch', ...registration, '--type=json', `--patch=${JSON.stringify(ports)}`);
    args = [...rights.args, `--webhook-port=${port}`];
    operator = await cluster.startOperator(...args);
  }, 120_000);

  afterAll(async () => {
    await cluster?.stop();
  });

  const storedBackend = async (name: string): Promise<StorageBackend> =>
    await cluster.client.get(storageBackends, { name });

  test('it does the main job in each of them', { timeout: 180_000 }, async () => {
    await liveThrough(cluster, first);
    await liveThrough(cluster, second);
    const backends = (await cluster.calls()).map((call) => call.backend);
    expect(new Set(backends)).toEqual(new Set(['dummy']));
  });

  test('it writes the status of backends, and no finalizer', async () => {
    const backend = await cluster.until(storageBackends, { name: 'dummy' }, 'recorded', (each) =>
      conditionOf(each, 'Ready').startsWith('True'),
    );
    expect(backend.status).toMatchObject({
      observedGeneration: backend.metadata.generation,
      capabilities: { driverHandlesShareServers: true },
    });
    expect(backend.metadata.finalizers).toBeUndefined();
  });

  test('its webhook judges in its namespaces, and is not asked about others', async () => {
    const create = async (namespace: string) => {
      const input = JSON.stringify(share(namespace, 'refused', { size: '10' }));
      return await cluster.plane.kubectl(['create', '--dry-run=server', '-f', '-'], { input });
    };
    for (const namespace of [first, second]) {
      expect((await create(namespace)).stderr).toContain('admission webhook "validate.sharenet.io" denied the request');
    }
    expect(await create(unwatched)).toMatchObject({ code: 0 });
  });

  test('where another operator writes the status, what it found out stays in force, also over a restart', async () => {
    expect(await operator.stop()).toBe(0);
    args = [...args.filter((arg) => arg !== '--write-backend-status'), '--write-backend-status=false'];
    operator = await cluster.startOperator(...args);
    const patch = (status: object) =>
      cluster.kubectl(
        'patch',
        'storagebackend',
        'dummy',
        '--subresource=status',
        '--type=merge',
        '-p',
        JSON.stringify({ status }),
      );
    const theirs = (text: 'True' | 'False') => ({
      conditions: [
        {
          type: 'Ready',
          status: text,
          reason: 'BackendUnavailable',
          message: 'from where the other operator runs',
          lastTransitionTime: '2026-01-01T00:00:00Z',
        },
      ],
    });
    await patch(theirs('False'));
    const made = async (name: string) => {
      await cluster.apply(network(first, 'plain', []), share(first, name, { shareNetworkName: 'plain' }));
      await cluster.until(
        shares,
        { namespace: first, name },
        'available',
        ({ status }) => status?.phase === 'available',
      );
    };
    await made('against-their-word');
    expect(await operator.stop()).toBe(0);
    operator = await cluster.startOperator(...args);
    await made('after-a-restart');
    expect(messageOf(await storedBackend('dummy'), 'Ready')).toBe('from where the other operator runs');
  });

  test('a backend that does not answer is not used, which its shares tell', async () => {
    const faults = [{ operation: 'getCapabilities', kind: 'unavailable', message: 'no route' }] as const;
    await cluster.apply(
      backend('shaky', { stateDirectory: cluster.stateDirectory, driverHandlesShareServers: false, faults }),
    );
    await cluster.apply(share(first, 'waits', { backendName: 'shaky' }));
    const name = { namespace: first, name: 'waits' };
    const waiting = await cluster.until(shares, name, 'waiting', (each) =>
      conditionOf(each, 'Ready').startsWith('False'),
    );
    expect(messageOf(waiting, 'Ready')).toBe('shaky: is not ready');
    await cluster.apply(backend('shaky', { stateDirectory: cluster.stateDirectory, driverHandlesShareServers: false }));
    await cluster.until(shares, name, 'available', ({ status }) => status?.phase === 'available');
    expect(await operator.log()).toContain('"message":"no route"');
    expect(await operator.metrics()).toContain('sharenet_objects{kind="StorageBackend",phase="Ready"} 2');
  });

  test('a backend can be deleted under its shares, which wait until it is there again', async () => {
    await cluster.client.delete(storageBackends, { name: 'shaky' });
    await cluster.untilGone(storageBackends, { name: 'shaky' });
    await cluster.client.delete(shares, { namespace: first, name: 'waits' });
    const name = { namespace: first, name: 'waits' };
    await cluster.until(
      shares,
      name,
      'blocked',
      (each) => conditionOf(each, 'DeletionBlocked') === 'True/BackendNotFound',
    );
    await cluster.apply(backend('shaky', { stateDirectory: cluster.stateDirectory, driverHandlesShareServers: false }));
    await cluster.untilGone(shares, name);
  });

  test('another namespace stays untouched, and the operator may not read it', async () => {
    const one = await cluster.client.get(shares, { namespace: unwatched, name: 'one' });
    expect({
      finalizers: one.metadata.finalizers,
      phase: one.status?.phase,
      observed: one.status?.observedGeneration,
    }).toEqual({
      finalizers: undefined,
      phase: 'creating',
      observed: -1,
    });
    expect(await cluster.find(secrets, { namespace: unwatched, name: 'ad-a-password' })).toBeDefined();
    const asOperator = { kubeconfig: cluster.operatorKubeconfig };
    const read = async (path: string): Promise<string> =>
      (await cluster.plane.kubectl(['get', '--raw', path], asOperator)).stderr;
    for (const path of [
      `/api/v1/namespaces/${unwatched}/secrets/ad-a-password`,
      `/api/v1/namespaces/${unwatched}/secrets`,
      '/api/v1/secrets?labelSelector=sharenet.io%2Fcredentials%3Dtrue',
      `/apis/sharenet.io/v1alpha1/namespaces/${unwatched}/shares/one`,
      '/apis/sharenet.io/v1alpha1/shares',
      `/apis/events.k8s.io/v1/namespaces/${unwatched}/events`,
    ]) {
      expect(await read(path)).toContain('Error from server (Forbidden)');
    }
    const mayNot = async (...what: readonly string[]): Promise<string> =>
      (await cluster.plane.kubectl(['auth', 'can-i', ...what], asOperator)).stdout.trim();
    expect(await mayNot('patch', 'storagebackends/dummy')).toBe('no');
    expect(await mayNot('delete', `validatingwebhookconfigurations/${webhookConfigurationName}`)).toBe('no');
    expect(await mayNot('patch', 'validatingwebhookconfigurations/another')).toBe('no');
    expect(await mayNot('patch', `validatingwebhookconfigurations/${webhookConfigurationName}`)).toBe('yes');
  });

  // Last, since watches are in the audit log when they have ended.
  test('its rights allow all that it asks for, and nothing else does; they are all needed, but for a few', async () => {
    await operator.stop();
    const requests = (await operatorRequests(cluster)).filter(({ userAgent }) =>
      userAgent?.startsWith('sharenet-operator/'),
    );
    expect(await cluster.refusals()).toEqual([]);
    // Everyone who is authenticated may ask for their own name.
    const known = [...rights.bindings, 'ClusterRoleBinding "system:basic-user"'];
    for (const binding of allowedBy(requests)) expect(known).toContain(binding);
    expect(unused(rights, requests)).toEqual([
      // For drivers that keep something secret about share servers, which the dummy driver doesn't.
      'update secrets in sharenet-system',
      // Asked for inside of the API server by an admission plug-in, see the test of config/rbac.
      ...watchedNamespaces.map((namespace) => `update sharenetworks/finalizers in ${namespace}`),
    ]);
    expect(requests.filter(({ objectRef }) => objectRef?.namespace === unwatched)).toEqual([]);
  });
});
