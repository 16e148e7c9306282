import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { shareServers, shares, storageBackends } from '../../../src/api/v1alpha1/resource-types.ts';
import { eventually } from '../../faults/eventually.ts';
import { activeDirectory, backend, network, passwordSecret, share } from '../manifests.ts';
import { conditionOf, messageOf, Tenant } from '../tenant.ts';
import { TestCluster } from '../test-cluster.ts';

describe('placing shares', () => {
  let cluster: TestCluster;

  beforeAll(async () => {
    cluster = await TestCluster.start();
    await cluster.startOperator();
  }, 120_000);

  afterAll(async () => {
    await cluster?.stop();
  });

  /** Only this tenant's namespace may use its backend, so that tests do not get in each other's way. */
  async function exclusiveTenant(
    dummy: Parameters<typeof Tenant.make>[1],
    spec: Parameters<typeof Tenant.make>[2] = {},
  ): Promise<Tenant> {
    const tenant = await Tenant.make(cluster, dummy, spec);
    await tenant.configure({}, { allowedNamespaces: onlyFor(tenant.namespace) });
    return tenant;
  }

  function onlyFor(namespace: string) {
    return { from: 'Selector', selector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } } } as const;
  }

  test('a share without a backend goes to one that qualifies, and waits with a reason for each that does not', async () => {
    const tenant = await exclusiveTenant({});
    const { namespace, backendName } = tenant;
    await cluster.apply(share(namespace, 'scheduled'));
    const placed = await tenant.untilShare('scheduled', 'available', ({ status }) => status?.phase === 'available');
    expect([placed.status?.backendName, placed.status?.shareServerName]).toEqual([backendName, undefined]);
    await cluster.apply(
      share(namespace, 'big', { size: '7Pi' }),
      share(namespace, 'served', { requiredCapabilities: { driverHandlesShareServers: true } }),
      share(namespace, 'homeless', { backendName: 'nowhere' }),
      share(namespace, 'netless', { shareNetworkName: 'later' }),
    );
    const reason = (what: string) => (object: Parameters<typeof conditionOf>[0]) =>
      conditionOf(object, 'Reconciling') === `True/${what}`;
    const big = await tenant.untilShare('big', 'waits', reason('NoValidBackend'));
    expect(messageOf(big, 'Ready')).toContain(`${backendName}: does not have enough free space for 7Pi`);
    const served = await tenant.untilShare('served', 'waits', reason('CapabilityNotSupported'));
    expect(messageOf(served, 'Ready')).toContain('lacks the required capability driverHandlesShareServers=true');
    await tenant.untilShare('homeless', 'waits', reason('BackendNotFound'));
    await tenant.untilShare('netless', 'waits', reason('ShareNetworkNotSupported'));
    // What they wait for comes.
    await cluster.apply(
      backend('nowhere', { driverHandlesShareServers: false }, { allowedNamespaces: onlyFor(namespace) }),
    );
    await tenant.untilShare('homeless', 'available', ({ status }) => status?.phase === 'available');
  });

  test('share servers of one network on two backends have addresses of their own', async () => {
    const tenant = await exclusiveTenant({ driverHandlesShareServers: true });
    const { namespace } = tenant;
    const second = `${namespace}-second`;
    const dummy = { stateDirectory: cluster.stateDirectory };
    const names = Array.from({ length: 8 }, (_, index) => `share-${index}`);
    await cluster.apply(
      backend(second, dummy, { allowedNamespaces: onlyFor(namespace) }),
      network(namespace, 'net', []),
      ...names.map((name, index) =>
        share(namespace, name, { shareNetworkName: 'net', backendName: index % 2 === 0 ? tenant.backendName : second }),
      ),
    );
    for (const name of names) {
      await tenant.untilShare(name, 'available', ({ status }) => status?.phase === 'available');
    }
    const { items } = await cluster.client.list(shareServers, { namespace });
    expect(new Set(items.map(({ spec }) => spec.backendName)).size).toBe(2);
    const addresses = items.flatMap(({ status }) =>
      (status?.networkAllocations ?? []).map(({ ipAddress }) => ipAddress),
    );
    expect(addresses.length).toBeGreaterThanOrEqual(8);
    expect(new Set(addresses).size).toBe(addresses.length);
  });

  test('a label that comes to the namespace later lets its shares on the backend', async () => {
    const tenant = await Tenant.make(
      cluster,
      {},
      {
        allowedNamespaces: { from: 'Selector', selector: { matchLabels: { tier: 'gold' } } },
      },
    );
    const { namespace, backendName } = tenant;
    await cluster.apply(share(namespace, 'share', { backendName }));
    const waiting = await tenant.untilShare('share', 'waits', (object) => conditionOf(object, 'Ready') !== 'absent');
    expect(messageOf(waiting, 'Ready')).toBe(
      `storage backend ${backendName} does not exist or does not allow namespace ${namespace}`,
    );
    await cluster.kubectl('label', 'namespace', namespace, 'tier=gold');
    await tenant.untilShare('share', 'available', ({ status }) => status?.phase === 'available');
  });

  test('a protocol whose security service is missing waits before anything is made', async () => {
    const tenant = await exclusiveTenant({ driverHandlesShareServers: true });
    const { namespace } = tenant;
    await cluster.apply(
      network(namespace, 'net', []),
      share(namespace, 'files', { protocol: 'CIFS', shareNetworkName: 'net' }),
    );
    const waiting = await tenant.untilShare(
      'files',
      'waits',
      (object) => conditionOf(object, 'Ready') === 'False/SecurityServiceRequired',
    );
    expect(messageOf(waiting, 'Ready')).toContain('requires a security service of type active_directory or ldap');
    expect((await cluster.client.list(shareServers, { namespace })).items).toEqual([]);
    await cluster.apply(
      passwordSecret(namespace, 'ad-password', 'secret-ad'),
      activeDirectory(namespace, 'ad'),
      network(namespace, 'net', [{ type: 'active_directory', name: 'ad' }]),
    );
    await tenant.untilShare('files', 'available', ({ status }) => status?.phase === 'available');
  });

  test('shares made at once fill share servers up to their limit, no more and not fewer', async () => {
    const tenant = await exclusiveTenant({ driverHandlesShareServers: true }, { maxSharesPerShareServer: 3 });
    const { namespace } = tenant;
    const names = Array.from({ length: 9 }, (_, index) => `share-${index}`);
    await cluster.apply(
      network(namespace, 'net', []),
      ...names.map((name) => share(namespace, name, { shareNetworkName: 'net' })),
    );
    const counts = new Map<string, number>();
    for (const name of names) {
      const { status } = await tenant.untilShare(
        name,
        'available',
        (object) => object.status?.phase === 'available',
        60_000,
      );
      const server = status?.shareServerName ?? '';
      counts.set(server, (counts.get(server) ?? 0) + 1);
    }
    expect([...counts.values()]).toEqual([3, 3, 3]);
  });

  test('space that was promised since the last probe is not promised again', async () => {
    const tenant = await exclusiveTenant({ latency: '300ms' });
    const { namespace, backendName } = tenant;
    const { status } = await cluster.client.get(storageBackends, { name: backendName });
    expect(status?.capacity?.total).toBe('1Pi');
    await cluster.apply(...['a', 'b', 'c'].map((name) => share(namespace, name, { size: '400Ti' })));
    await eventually(
      'two shares made and one waiting',
      async () => {
        const { items } = await cluster.client.list(shares, { namespace });
        const made = items.filter((item) => item.status?.phase === 'available');
        return made.length === 2 && items.some((item) => conditionOf(item, 'Ready') === 'False/NoValidBackend');
      },
      30_000,
    );
    expect(await tenant.callsOf('createShare')).toHaveLength(2);
  });

  test('a share is placed again when its server can not be set up and another backend qualifies', async () => {
    const tenant = await exclusiveTenant({
      driverHandlesShareServers: true,
      faults: [{ operation: 'setupServer', kind: 'rejected', message: 'no ports left' }],
    });
    const { namespace } = tenant;
    await cluster.apply(network(namespace, 'net', []), share(namespace, 'share', { shareNetworkName: 'net' }));
    const stuck = await tenant.untilShare(
      'share',
      'waits',
      (object) => conditionOf(object, 'Ready') === 'False/ShareServerError',
    );
    expect(messageOf(stuck, 'Ready')).toContain('no ports left');
    await cluster.apply(
      backend(
        `${namespace}-other`,
        { stateDirectory: cluster.stateDirectory },
        { allowedNamespaces: onlyFor(namespace) },
      ),
    );
    const placed = await tenant.untilShare('share', 'available', ({ status }) => status?.phase === 'available');
    expect(placed.status?.backendName).toBe(`${namespace}-other`);
    expect(placed.status?.shareServerName).not.toBe(stuck.status?.shareServerName);
  });

  test('a share whose servers fail on every backend waits without churning, and is made when one is repaired', async () => {
    const fault = [{ operation: 'setupServer', kind: 'rejected', message: 'no ports left' }] as const;
    const tenant = await exclusiveTenant({ driverHandlesShareServers: true, faults: fault });
    const { namespace } = tenant;
    const allowed = { allowedNamespaces: onlyFor(namespace) };
    const dummy = { stateDirectory: cluster.stateDirectory };
    await cluster.apply(
      backend(`${namespace}-other`, { ...dummy, faults: fault }, allowed),
      network(namespace, 'net', []),
      share(namespace, 'share', { shareNetworkName: 'net' }),
    );
    const stuck = await tenant.untilShare(
      'share',
      'waits for both',
      (object) => (messageOf(object, 'Ready').match(/no ports left/g) ?? []).length === 2,
    );
    await pause(3000);
    const later = await cluster.client.get(shares, { namespace, name: 'share' });
    const writes = Number(later.metadata.resourceVersion) - Number(stuck.metadata.resourceVersion);
    // Versions are shared by all objects of the cluster: only a bound can be told.
    expect(writes).toBeLessThan(40);
    expect((await cluster.client.list(shareServers, { namespace })).items).toHaveLength(2);
    await cluster.apply(backend(`${namespace}-other`, dummy, allowed));
    await tenant.configure({ faults: [] });
    await tenant.untilShare('share', 'available', ({ status }) => status?.phase === 'available', 60_000);
  });
});
