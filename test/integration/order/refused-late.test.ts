import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { securityServices, shareAccesses, shareNetworks, shares } from '../../../src/api/v1alpha1/resource-types.ts';
import type { ShareSpec } from '../../../src/api/v1alpha1/share.ts';
import type { ShareNetworkSubnet } from '../../../src/api/v1alpha1/share-network.ts';
import type { StorageBackendSpec } from '../../../src/api/v1alpha1/storage-backend.ts';
import type { DummyBackendConfig } from '../../../src/drivers/dummy/config.ts';
import { eventually } from '../../faults/eventually.ts';
import { access, activeDirectory, network, passwordSecret, share } from '../manifests.ts';
import { ad, condition, Scene } from '../network-change/scene.ts';
import { conditionOf, messageOf, Tenant } from '../tenant.ts';
import { TestCluster } from '../test-cluster.ts';

/** Operations that would put something on the storage system, or change it there. */
const changing = ['setupServer', 'createShare', 'updateAccess', 'updateShareServerSecurityService'];

describe('what admission would refuse, stored while it was away', () => {
  let cluster: TestCluster;

  beforeAll(async () => {
    cluster = await TestCluster.start();
    await cluster.startOperator('--webhook-mode=off');
  }, 180_000);

  afterAll(async () => {
    await cluster?.stop();
  });

  async function noDriverWasAsked(namespace: string): Promise<void> {
    const calls = (await cluster.calls()).filter((call) => call.namespace === namespace);
    expect(calls.filter(({ operation }) => changing.includes(operation))).toEqual([]);
  }

  const subnet: ShareNetworkSubnet = { name: 'default', networkType: 'flat', cidr: '10.20.0.0/16' };
  const vlan: ShareNetworkSubnet = {
    name: 'vlan',
    availabilityZone: 'zone-v',
    networkType: 'vlan',
    segmentationID: 100,
    cidr: '10.30.0.0/24',
  };

  interface Hopeless {
    readonly reason: string;
    readonly says: string;
    readonly spec: Partial<ShareSpec>;
    readonly dummy?: DummyBackendConfig;
    readonly backendSpec?: Partial<StorageBackendSpec>;
  }

  const servers = { driverHandlesShareServers: true };
  const hopeless: readonly Hopeless[] = [
    {
      // The same answer as for a backend that does not exist.
      reason: 'BackendNotFound',
      says: 'does not exist or does not allow namespace',
      spec: {},
      backendSpec: { allowedNamespaces: { from: 'Selector', selector: { matchLabels: { tier: 'gold' } } } },
    },
    {
      reason: 'CapabilityNotSupported',
      says: 'lacks the required capability driverHandlesShareServers=true',
      spec: { requiredCapabilities: { driverHandlesShareServers: true } },
    },
    {
      reason: 'ShareNetworkRequired',
      says: 'uses share servers and requires a shareNetworkName',
      spec: {},
      dummy: servers,
    },
    {
      // Also where the network does not exist: it would make no difference.
      reason: 'ShareNetworkNotSupported',
      says: 'has no share servers and supports no share networks',
      spec: { shareNetworkName: 'later' },
    },
    {
      reason: 'SegmentNotAllowed',
      says: 'does not allow the segment of subnet vlan, vlan 100 with 10.30.0.0/24 (it allows: flat)',
      spec: { shareNetworkName: 'net', availabilityZone: 'zone-v' },
      dummy: servers,
    },
  ];

  test.each(hopeless)('a share that its backend will never take waits, and says why: $reason', async (row) => {
    const { reason, says, spec, dummy = {}, backendSpec = {} } = row;
    const tenant = await Tenant.make(cluster, dummy, backendSpec);
    const { namespace, backendName } = tenant;
    await cluster.apply(
      network(namespace, 'net', [], { subnets: [subnet, vlan] }),
      share(namespace, 'share', { backendName, ...spec }),
    );
    const told = await tenant.untilShare(
      'share',
      reason,
      (object) => conditionOf(object, 'Ready') === `False/${reason}`,
    );
    expect(messageOf(told, 'Ready').replace(`${backendName}:`, backendName)).toContain(`${backendName} ${says}`);
    await noDriverWasAsked(namespace);
  });

  test('a size without a unit is refused with the unit to use, of a new share and of one that is there', async () => {
    const tenant = await Tenant.make(cluster);
    const { namespace, backendName } = tenant;
    await cluster.apply(share(namespace, 'tiny', { backendName, size: 10 }));
    const tiny = await tenant.untilShare('tiny', 'refused', (one) => conditionOf(one, 'Ready') === 'False/InvalidSize');
    expect(messageOf(tiny, 'Ready')).toContain('for 10 GiB write 10Gi');
    await noDriverWasAsked(namespace);
    await cluster.apply(share(namespace, 'tiny', { backendName, size: '10Gi' }));
    await tenant.untilShare('tiny', 'made', ({ status }) => status?.phase === 'available');

    await cluster.apply(share(namespace, 'tiny', { backendName, size: '5' }));
    const kept = await tenant.untilShare('tiny', 'refused', (one) => conditionOf(one, 'Ready') === 'False/InvalidSize');
    expect([kept.status?.phase, kept.status?.size]).toEqual(['available', '10Gi']);
    expect(await tenant.callsOf('shrinkShare')).toEqual([]);
  });

  test('a subnet without a networkType is flat', async () => {
    const tenant = await Tenant.make(cluster, servers);
    const { namespace, backendName } = tenant;
    const { networkType: _, ...plain } = subnet;
    await cluster.apply(
      network(namespace, 'net', [], { subnets: [plain] }),
      share(namespace, 'share', { backendName, shareNetworkName: 'net' }),
    );
    await tenant.untilShare('share', 'made', ({ status }) => status?.phase === 'available');
    const stored = await cluster.client.get(shareNetworks, { namespace, name: 'net' });
    expect(stored.spec.subnets?.[0]?.networkType).toBe('flat');
    // As one that says so: nothing has changed.
    await cluster.apply(network(namespace, 'net', [], { subnets: [subnet] }));
    const again = await cluster.client.get(shareNetworks, { namespace, name: 'net' });
    expect(again.metadata.generation).toBe(stored.metadata.generation);
  });

  test('a share whose protocol no backend supports says so, before anything else that it waits for', async () => {
    const tenant = await Tenant.make(cluster, servers);
    const { namespace, backendName } = tenant;
    const spec = { backendName, shareNetworkName: 'later' } as const;
    await cluster.apply(share(namespace, 'nfs', { ...spec, protocol: 'NFS' }));
    await tenant.untilShare('nfs', 'waits', (object) => conditionOf(object, 'Ready') === 'False/ShareNetworkNotFound');
    // The dummy serves every protocol: what it says it does is changed behind it.
    await cluster.kubectl('annotate', 'sbe', backendName, 'sharenet.io/paused=true');
    await cluster.kubectl(
      ...['patch', 'sbe', backendName, '--subresource=status', '--type=merge', '-p'],
      '{"status":{"capabilities":{"shareProtocols":["CIFS"]}}}',
    );
    const told = await tenant.untilShare(
      'nfs',
      'refused',
      (object) => conditionOf(object, 'Ready') === 'False/ProtocolNotSupported',
    );
    expect(messageOf(told, 'Ready')).toBe(`${backendName}: does not support protocol NFS, only: CIFS`);
    await noDriverWasAsked(namespace);
  });

  test('an invalid subnet stalls its network, and no share server is set up on it until it is corrected', async () => {
    const tenant = await Tenant.make(cluster, servers);
    const { namespace, backendName } = tenant;
    const reversed = { ...subnet, allocationRanges: ['10.20.0.9-10.20.0.3'] };
    await cluster.apply(
      network(namespace, 'net', [], { subnets: [reversed] }),
      share(namespace, 'share', { shareNetworkName: 'net', backendName }),
    );
    const stalled = await cluster.until(
      shareNetworks,
      { namespace, name: 'net' },
      'stalled',
      (object) => conditionOf(object, 'Stalled') === 'True/SubnetInvalid',
    );
    expect(messageOf(stalled, 'Ready')).toContain('ends before it begins');
    await tenant.untilShare('share', 'waits', (object) => conditionOf(object, 'Ready') === 'False/SubnetInvalid');
    await noDriverWasAsked(namespace);
    await cluster.apply(network(namespace, 'net', [], { subnets: [subnet] }));
    await tenant.untilShare('share', 'available', ({ status }) => status?.phase === 'available');
  });

  test('a segment that no backend allows stalls its network, judged again when backends and namespaces change', async () => {
    const segments = [{ networkType: 'flat' }, { networkType: 'vlan', segmentationIDs: ['200-299'] }] as const;
    const forGold = { from: 'Selector', selector: { matchLabels: { tier: 'gold' } } } as const;
    const tenant = await Tenant.make(cluster, servers, { allowedSegments: segments });
    const { namespace, backendName } = tenant;
    // Backends of other tests are none of this namespace's.
    await cluster.kubectl('label', 'namespace', namespace, 'own=segments');
    const { items } = JSON.parse(await cluster.kubectl('get', 'sbe', '-o', 'json')) as {
      items: readonly { metadata: { name: string } }[];
    };
    for (const { metadata } of items.filter((item) => item.metadata.name !== backendName)) {
      await cluster.kubectl(
        ...['patch', 'sbe', metadata.name, '--type=merge', '-p'],
        '{"spec":{"allowedNamespaces":{"from":"Selector","selector":{"matchExpressions":[{"key":"own","operator":"DoesNotExist"}]}}}}',
      );
    }
    await cluster.apply(network(namespace, 'net', [], { subnets: [subnet, vlan] }));
    const until = (what: string, type: string, value: string) =>
      cluster.until(shareNetworks, { namespace, name: 'net' }, what, (object) => conditionOf(object, type) === value);
    const refused = 'True/SegmentNotAllowed';
    await until('stalled', 'Stalled', refused);
    const message =
      `subnet vlan: no storage backend lets namespace ${namespace} use vlan 100 with 10.30.0.0/24; ` +
      `it may use: flat (${backendName}); vlan 200-299 (${backendName})`;
    // The operator may not have seen yet that the other backends are not for this namespace.
    await cluster.until(
      shareNetworks,
      { namespace, name: 'net' },
      message,
      (net) => messageOf(net, 'Ready') === message,
    );
    const quiet = await cluster.client.get(shareNetworks, { namespace, name: 'net' });
    // Shares go to the subnet that is allowed.
    await tenant.makeShares(['flat'], { shareNetworkName: 'net' });
    const after = await until('still stalled', 'Stalled', refused);
    expect(condition(after, 'Stalled')).toMatchObject({ status: 'True' });
    expect(lastTransition(after, 'Stalled')).toBe(lastTransition(quiet, 'Stalled'));

    await tenant.configure({}, { allowedSegments: [...segments, { networkType: 'vlan', namespaces: forGold }] });
    await until('told that nothing changed for it', 'Stalled', refused);
    await cluster.kubectl('label', 'namespace', namespace, 'tier=gold');
    await until('allowed by its label', 'Ready', 'True/Available');
    await tenant.makeShares(['vlan'], { shareNetworkName: 'net', availabilityZone: 'zone-v' });
    await tenant.configure({}, { allowedSegments: segments });
    // What share servers use is no question any more.
    await tenant.annotate('share', 'vlan', 'sharenet.io/reconcile-requested-at=now');
    await until('ready', 'Ready', 'True/Available');
  });

  test('a share server is not set up on a segment that was closed since it was placed', async () => {
    const scene = await Scene.make(cluster, { services: [], networkSpec: { subnets: [subnet] } });
    const { namespace, backendName } = scene;
    const segments = (networkType: string) =>
      cluster.kubectl(
        ...['patch', 'sbe', backendName, '--type=merge', '-p'],
        JSON.stringify({ spec: { allowedSegments: [{ networkType }] } }),
      );
    // Its password comes later.
    await cluster.apply(activeDirectory(namespace, 'ad-late'));
    await scene.refer([ad('ad-late')], { subnets: [subnet] });
    await cluster.apply(scene.share('share'));
    const waits = (reason: string) =>
      eventually(
        `a share server waits: ${reason}`,
        async () => (await scene.servers()).some((server) => conditionOf(server, 'Ready') === `False/${reason}`),
        20_000,
      );
    await waits('SecurityServiceIncomplete');
    await segments('vlan');
    await cluster.untilConfigured(backendName);
    await cluster.apply(passwordSecret(namespace, 'ad-late-password', 'secret-late'));
    await waits('SegmentNotAllowed');
    await noDriverWasAsked(namespace);
    await segments('flat');
    await scene.shareAvailable('share');
  });

  test('a changed subnet that share servers use stalls its network: they keep what they were given, and no server is added', async () => {
    const scene = await Scene.make(cluster, { shares: 1, networkSpec: { subnets: [subnet] } });
    const { namespace } = scene;
    const [server] = await scene.servers();
    expect(server?.status?.subnet).toEqual(subnet);
    const setUps = (await scene.started('setupServer')).length;
    await scene.refer([ad('ad-a')], { subnets: [{ ...subnet, cidr: '10.20.0.0/24', mtu: 9000 }] });
    const stalled = await scene.network('stalled', (one) => conditionOf(one, 'Stalled') === 'True/SubnetInUse');
    expect(messageOf(stalled, 'Ready')).toBe(
      `subnet default is used by share servers ${server?.metadata.name}: its cidr can not change, it was 10.20.0.0/16`,
    );
    await cluster.apply(scene.share('second'));
    await cluster.until(
      shares,
      { namespace, name: 'second' },
      'waits',
      (object) => conditionOf(object, 'Ready') === 'False/SubnetInUse',
    );
    expect(await scene.started('setupServer')).toHaveLength(setUps);
    // What is there goes on.
    await cluster.apply(access(namespace, `${namespace}-bob`, 'share-0'));
    await cluster.until(
      shareAccesses,
      { namespace, name: `${namespace}-bob` },
      'active',
      ({ status }) => status?.phase === 'active',
    );
    await scene.refer([ad('ad-a')], { subnets: [{ ...subnet, name: 'other' }] });
    await scene.network('removed', (one) => messageOf(one, 'Ready').includes('it can not be removed'));
    await scene.refer([ad('ad-a')], { subnets: [subnet] });
    await scene.network('ready', (one) => conditionOf(one, 'Ready') === 'True/Available');
    await scene.shareAvailable('second');
  });

  test('a security service that was edited in the moment before it was told to be in use says so', async () => {
    const scene = await Scene.make(cluster, { shares: 1 });
    const { namespace } = scene;
    const name = { namespace, name: 'ad-a' };
    await cluster.until(securityServices, name, 'in use', ({ status }) => status?.inUse === true);
    // As if the edit had come first.
    await scene.annotate('secsvc', 'ad-a', 'sharenet.io/paused=true');
    await cluster.until(securityServices, name, 'paused', (one) => conditionOf(one, 'Ready') === 'False/Paused');
    await scene.kubectl(
      'patch',
      'secsvc',
      'ad-a',
      '--subresource=status',
      '--type=merge',
      '-p',
      '{"status":{"inUse":false}}',
    );
    const edit = (domain: string) =>
      scene.kubectl('patch', 'secsvc', 'ad-a', '--type=merge', '-p', JSON.stringify({ spec: { domain } }));
    await edit('other.example.com');
    await scene.annotate('secsvc', 'ad-a', 'sharenet.io/paused-');
    const told = await cluster.until(
      securityServices,
      name,
      'told',
      (one) => conditionOf(one, 'Stalled') === 'True/SecurityServiceInUse',
    );
    expect(messageOf(told, 'Ready')).toContain(await scene.serverName(0));
    expect(told.status?.inUse).toBe(true);
    expect(await scene.started('updateShareServerSecurityService')).toEqual([]);
  });

  test('a service of another type is reported also while another one is missing', async () => {
    const scene = await Scene.make(cluster, { services: [] });
    await scene.refer([ad('later'), { type: 'ldap', name: 'ad-b' }]);
    await scene.network('stalled', (one) => conditionOf(one, 'Stalled') === 'True/SecurityServiceTypeMismatch');
    await noDriverWasAsked(scene.namespace);
  });

  test('access rules that the storage system is still at are waited for by name', async () => {
    const scene = await Scene.make(cluster, { shares: 1 });
    const { namespace } = scene;
    // Slow enough to be seen, and asked for again with its token.
    await scene.configure({ latency: '3s', faults: [{ operation: 'updateAccess', kind: 'inProgress' }] });
    await cluster.apply(access(namespace, `${namespace}-carol`, 'share-0'));
    await cluster.until(
      shares,
      { namespace, name: 'share-0' },
      'handed over',
      ({ status }) => status?.operation?.token !== undefined,
    );
    await scene.refer([ad('ad-b')]);
    const waiting = await scene.network(
      'waits',
      (one) => conditionOf(one, 'Reconciling') === 'True/AccessRulesNotActive',
    );
    expect(messageOf(waiting, 'Ready')).toContain(`access rules ${namespace}-carol`);
    expect(await scene.started('checkUpdateShareServerSecurityService')).toEqual([]);
    expect(await scene.started('updateShareServerSecurityService')).toEqual([]);
    await scene.changed('Succeeded');
  });
});

function lastTransition(object: Parameters<typeof condition>[0], type: string): string | undefined {
  const found = condition(object, type);
  return found !== undefined && 'lastTransitionTime' in found ? String(found.lastTransitionTime) : undefined;
}
