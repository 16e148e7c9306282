import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { securityServices, shareServers, shares } from '../../../src/api/v1alpha1/resource-types.ts';
import type { ShareServer } from '../../../src/api/v1alpha1/share-server.ts';
import type { DummyFault } from '../../../src/drivers/dummy/config.ts';
import { eventually } from '../../faults/eventually.ts';
import { activeDirectory, backend, network, passwordSecret } from '../manifests.ts';
import type { OperatorProcess } from '../operator-process.ts';
import { TestCluster } from '../test-cluster.ts';
import { ad, condition, Scene } from './scene.ts';

const setUp = 'setupServer';
const check = 'checkUpdateShareServerSecurityService';
const update = 'updateShareServerSecurityService';
const refusal = (operation: string, service: string, rest: Partial<DummyFault> = {}): DummyFault => ({
  operation,
  kind: operation === check ? 'incompatible' : 'rejected',
  refusesCredentials: true,
  match: { securityService: service },
  message: 'the directory refused joiner',
  ...rest,
});

describe('credentials that a directory refuses', () => {
  let cluster: TestCluster;
  let operator: OperatorProcess;

  beforeAll(async () => {
    cluster = await TestCluster.start();
    operator = await cluster.startOperator();
  }, 120_000);

  afterAll(async () => {
    await cluster.stop();
  });

  const isBlocked = (server: ShareServer) => condition(server, 'Stalled')?.reason === 'CredentialsRefused';

  /** Waits until all servers are there and wait for the credentials. */
  async function allBlocked(scene: Scene, count: number): Promise<void> {
    await eventually(
      `${count} servers blocked`,
      async () => {
        const servers = await scene.servers();
        return servers.length === count && servers.every(isBlocked) ? true : undefined;
      },
      60_000,
    );
  }

  async function allActive(scene: Scene): Promise<void> {
    await eventually(
      'all servers active',
      async () => ((await scene.servers()).every(({ status }) => status?.phase === 'active') ? true : undefined),
      60_000,
    );
  }

  async function refused(scene: Scene, operation: string, count: number): Promise<Scene> {
    await scene.faults(refusal(operation, 'ad-a'));
    const names = Array.from({ length: count }, (_, index) => `share-${index}`);
    await cluster.apply(...names.map((name) => scene.share(name)));
    await allBlocked(scene, count);
    return scene;
  }

  /** Waits until a set-up that fails for something else was tried again by the timer. */
  async function otherFailuresAreRetried(): Promise<void> {
    const other = await Scene.make(cluster);
    await other.faults({ operation: setUp, kind: 'rejected' });
    await cluster.apply(other.share('share-0'));
    await eventually('the timer', async () => ((await other.started(setUp)).length >= 3 ? true : undefined), 60_000);
  }

  test('cost one log-in for all servers, networks and backends, over time and a restart; a corrected Secret brings all up', async () => {
    const scene = await refused(await Scene.make(cluster, { dummy: { latency: '200ms' } }), setUp, 4);
    const { namespace } = scene;
    // A second network, a service that says the same, and a second backend, of which no one has heard anything.
    await cluster.apply(
      activeDirectory(namespace, 'ad-same', {
        domain: 'AD-A.example.com.',
        passwordSecretRef: { name: 'ad-a-password' },
      }),
      network(namespace, 'net-2', [ad('ad-same')]),
      backend('other', { stateDirectory: cluster.stateDirectory, faults: [refusal(setUp, 'ad-same')] }),
      {
        ...scene.share('elsewhere'),
        spec: { ...scene.share('elsewhere').spec, shareNetworkName: 'net-2', backendName: 'other' },
      },
    );
    await allBlocked(scene, 5);
    const service = await cluster.until(
      securityServices,
      { namespace, name: 'ad-a' },
      'refused',
      (object) => condition(object, 'Ready')?.reason === 'CredentialsRefused',
    );
    expect(service.status?.refusal).toMatchObject({
      reason: 'PasswordRefused',
      message: 'the directory refused joiner',
    });
    expect(JSON.stringify(service)).not.toContain('secret-of-ad-a');
    const servers = await scene.servers();
    expect(servers.map(({ status }) => status?.phase).sort()).toEqual([
      'creating',
      'creating',
      'creating',
      'creating',
      'error',
    ]);

    await operator.stop();
    operator = await cluster.startOperator();
    await otherFailuresAreRetried();
    expect(await scene.started(setUp)).toHaveLength(1);

    await scene.faults();
    await cluster.apply(backend('other', { stateDirectory: cluster.stateDirectory }));
    await cluster.untilConfigured('other');
    expect(await scene.started(setUp)).toHaveLength(1);
    await cluster.apply(passwordSecret(namespace, 'ad-a-password', 'the right one'));
    await allActive(scene);
    expect(await scene.started(setUp)).toHaveLength(6);
    const well = await cluster.until(
      securityServices,
      { namespace, name: 'ad-a' },
      'complete',
      (object) => condition(object, 'Ready')?.reason === 'Complete',
    );
    expect(well.status?.refusal).toBeUndefined();
  });

  test('are tried once more for each request, whoever asks where, and never at once by several', async () => {
    const scene = await refused(await Scene.make(cluster, { dummy: { latency: '200ms' } }), setUp, 3);
    const { namespace } = scene;
    const [first = ''] = (await scene.servers()).map(({ metadata }) => metadata.name);
    const requests = [
      ['shnet', 'net', 'sharenet.io/reapply-requested-at'],
      ['shnet', 'net', 'sharenet.io/reconcile-requested-at'],
      ['securityservice', 'ad-a', 'sharenet.io/reconcile-requested-at'],
      ['share', 'share-1', 'sharenet.io/reconcile-requested-at'],
      ['shareserver', first, 'sharenet.io/reconcile-requested-at'],
    ] as const;
    for (const [index, [kind, name, annotation]] of requests.entries()) {
      await scene.annotate(kind, name, `${annotation}=t${index}`);
      await eventually(
        `one more attempt for ${kind} ${annotation}`,
        async () => ((await scene.started(setUp)).length === index + 2 ? true : undefined),
        30_000,
      );
      await allBlocked(scene, 3);
    }
    expect(await scene.started(setUp)).toHaveLength(1 + requests.length);
    // A request that succeeds brings up those that it was not about.
    await scene.faults();
    await scene.annotate('share', 'share-2', 'sharenet.io/reconcile-requested-at=now');
    await allActive(scene);
    await cluster.until(
      shares,
      { namespace, name: 'share-0' },
      'available',
      ({ status }) => status?.phase === 'available',
    );
  });

  test('stop a change at one log-in, in the check and after the commit; the others keep what they have', async () => {
    const scene = await Scene.make(cluster, { shares: 4, dummy: { latency: '100ms' } });
    await scene.faults(refusal(check, 'ad-b'));
    await scene.refer([ad('ad-b')]);
    await scene.network('refused', (object) => condition(object, 'Stalled')?.reason === 'PasswordRefused');
    await operator.stop();
    operator = await cluster.startOperator();
    await scene.annotate('shnet', 'net', 'sharenet.io/check-security-services=active_directory=ad-b');
    await scene.network('answered', ({ status }) => status?.check?.compatible === false);
    expect(await scene.started(check)).toHaveLength(1);
    await scene.annotate('shnet', 'net', 'sharenet.io/check-security-services-');

    await scene.faults(refusal(update, 'ad-b'));
    await cluster.apply(passwordSecret(scene.namespace, 'ad-b-password', 'another'));
    const changed = await scene.changed('Failed');
    expect(changed.status?.lastNetworkChange).toMatchObject({ failed: 1, notAttempted: 3 });
    expect(await scene.started(update)).toHaveLength(1);
    const phases = (await scene.servers()).map(({ status }) => status?.phase).sort();
    expect(phases).toEqual(['active', 'active', 'active', 'error']);

    await scene.faults();
    await cluster.apply(passwordSecret(scene.namespace, 'ad-b-password', 'the right one'));
    await scene.annotate('shnet', 'net', 'sharenet.io/reapply-requested-at=now');
    await scene.changed('Succeeded');
    expect(await scene.started(update)).toHaveLength(5);
  });

  test('do not keep share servers: each is torn down, without the password after the first', async () => {
    const scene = await Scene.make(cluster, { shares: 3, dummy: { latency: '100ms' } });
    const { namespace } = scene;
    // What was accepted some moments ago is not doubted.
    await operator.stop();
    operator = await cluster.startOperator();
    await scene.faults(refusal('teardownServer', 'ad-a', { times: 1 }));
    await scene.kubectl('delete', 'share', '--all', '--wait=false');
    await eventually('no shares', async () =>
      (await cluster.client.list(shares, { namespace })).items.length === 0 ? true : undefined,
    );
    await scene.kubectl('delete', 'shareserver', '--all', '--wait=false');
    await eventually('no servers', async () =>
      (await cluster.client.list(shareServers, { namespace })).items.length === 0 ? true : undefined,
    );
    const calls = await scene.started('teardownServer');
    const withPassword = calls.filter(({ args }) => JSON.stringify(args).includes('"passwordSet":true'));
    expect(withPassword).toHaveLength(1);
    expect(calls).toHaveLength(4);
  });

  test('a set-up that failed for another reason is tried at once when a tenant asks or changes something', async () => {
    const scene = await Scene.make(cluster);
    await scene.faults({ operation: setUp, kind: 'rejected', message: 'no such OU' });
    await cluster.apply(scene.share('share-0'));
    const attempts = async (count: number) =>
      await eventually(
        `${count} attempts`,
        async () => ((await scene.started(setUp)).length >= count ? true : undefined),
        // The first pause is 5 s, and grows.
        4000,
      );
    const failed = async () => {
      await eventually('failed', async () =>
        (await scene.servers()).every((server) => condition(server, 'Stalled')?.reason === 'SetupFailed') &&
        (await scene.servers()).length === 1
          ? true
          : undefined,
      );
      return (await scene.started(setUp)).length;
    };
    let before = await failed();
    await scene.annotate('shnet', 'net', 'sharenet.io/reapply-requested-at=a');
    await attempts(before + 1);
    before = await failed();
    await scene.annotate('shnet', 'net', 'sharenet.io/reconcile-requested-at=b');
    await attempts(before + 1);
    before = await failed();
    await scene.annotate('share', 'share-0', 'sharenet.io/reconcile-requested-at=c');
    await attempts(before + 1);
    before = await failed();
    await cluster.apply(passwordSecret(scene.namespace, 'ad-a-password', 'corrected'));
    await attempts(before + 1);
  });
});
