import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BackendCapabilities } from '../api/v1alpha1/backend-capabilities.ts';
import type { Share, ShareSpec } from '../api/v1alpha1/share.ts';
import type { ShareNetwork, ShareNetworkSubnet } from '../api/v1alpha1/share-network.ts';
import type { ShareServer, ShareServerSpec, ShareServerStatus } from '../api/v1alpha1/share-server.ts';
import type { StorageBackend, StorageBackendSpec } from '../api/v1alpha1/storage-backend.ts';
import { parseQuantity } from '../values/quantity.ts';
import type { PlacementBackend } from './filters.ts';
import { lastingRefusal, type Placement, type PlacementInput, placeShare } from './placement.ts';
import { namespaceAllowed, segmentAllowed } from './selection.ts';

function share(spec: Partial<ShareSpec> = {}): Share {
  return { metadata: { name: 'share' }, spec: { protocol: 'NFS', size: '10Gi', shareNetworkName: 'net', ...spec } };
}

function network(...subnets: ShareNetworkSubnet[]): ShareNetwork {
  const fallback: ShareNetworkSubnet = { name: 'rest', networkType: 'flat', cidr: '10.0.0.0/24' };
  return { metadata: { name: 'net' }, spec: { subnets: subnets.length > 0 ? subnets : [fallback] } };
}

interface BackendChanges {
  readonly spec?: Partial<StorageBackendSpec>;
  readonly capabilities?: Partial<BackendCapabilities>;
  readonly free?: string;
  readonly ready?: boolean;
  readonly deleted?: boolean;
  readonly reservedBytes?: number;
}

function backend(name: string, changes: BackendChanges = {}): PlacementBackend {
  const { spec = {}, capabilities = {}, free = '1Ti', ready = true, deleted = false, reservedBytes = 0 } = changes;
  const object: StorageBackend = {
    metadata: { name, ...(deleted && { deletionTimestamp: '2026-01-01T00:00:00Z' }) },
    spec: { driver: 'dummy', ...spec },
    status: {
      conditions: [
        { type: 'Ready', status: ready ? 'True' : 'False', reason: 'Probed', message: '', lastTransitionTime: '' },
      ],
      capabilities: {
        driverHandlesShareServers: true,
        securityServiceUpdateSupport: true,
        securityServiceTypes: ['active_directory', 'ldap'],
        requiredSecurityServices: { CIFS: ['active_directory', 'ldap'] },
        shareProtocols: ['NFS', 'CIFS'],
        accessTypesByProtocol: { NFS: ['ip'], CIFS: ['user'] },
        accessLevels: ['rw', 'ro'],
        accessKeyTypes: [],
        networkAllocationsPerServer: 1,
        ...capabilities,
      },
      ...(free !== '' && { capacity: { total: '8Ti', available: free } }),
    },
  };
  return { backend: object, reservedBytes };
}

function server(name: string, spec: Partial<ShareServerSpec> = {}, status: ShareServerStatus = {}): ShareServer {
  return {
    metadata: { name },
    spec: {
      backendName: 'a',
      shareNetworkName: 'net',
      subnetName: 'rest',
      securityServiceUpdateSupport: true,
      ...spec,
    },
    status: { phase: 'active', ...status },
  };
}

function place(changes: Partial<PlacementInput> = {}): Placement {
  return placeShare({
    share: share(),
    network: network(),
    namespace: 'tenant',
    namespaceLabels: { team: 'red' },
    backends: [backend('a')],
    servers: [],
    shareCount: () => 0,
    securityServiceTypes: [],
    ...changes,
  });
}

function refuse(changes: Partial<PlacementInput> = {}): ReturnType<typeof lastingRefusal> {
  const { backends = [backend('a')], ...rest } = changes;
  return lastingRefusal({
    share: share(),
    network: network(),
    namespace: 'tenant',
    namespaceLabels: { team: 'red' },
    ...rest,
    backends: backends.map((entry) => entry.backend),
  });
}

const onlyBlue = { from: 'Selector', selector: { matchLabels: { team: 'blue' } } } as const;

const onNewServer = (backendName: string, subnetName = 'rest'): Placement => ({
  kind: 'new-server',
  backendName,
  subnetName,
});

describe('a share', () => {
  it('gets a server of its own on the first backend', () => {
    expect(place()).toEqual(onNewServer('a'));
  });

  it('needs no server on a backend that makes none', () => {
    const { shareNetworkName: _, ...spec } = share().spec;
    const alone: Share = { metadata: { name: 'share' }, spec };
    const backends = [backend('a', { capabilities: { driverHandlesShareServers: false } })];
    expect(place({ share: alone, network: undefined, backends })).toEqual({ kind: 'backend', backendName: 'a' });
    expect(place({ share: alone, network: undefined })).toMatchObject({
      reason: 'ShareNetworkRequired',
      message: 'a: uses share servers and requires a shareNetworkName',
    });
    expect(place({ backends })).toMatchObject({
      reason: 'ShareNetworkNotSupported',
      message: 'a: has no share servers and supports no share networks',
    });
  });

  const passing = 'NoValidBackend';
  const unfit: [BackendChanges, Partial<ShareSpec>, string, string][] = [
    [{ spec: { enabled: false } }, {}, passing, 'is not enabled'],
    [{ deleted: true }, {}, passing, 'is being deleted'],
    [{ ready: false }, {}, passing, 'is not ready'],
    [{}, { protocol: 'CEPHFS' }, 'ProtocolNotSupported', 'does not support protocol CEPHFS, only: NFS, CIFS'],
    [
      { spec: { allowedSegments: [{ networkType: 'vlan' }] } },
      {},
      'SegmentNotAllowed',
      'does not allow the segment of subnet rest, flat with 10.0.0.0/24 (it allows: vlan)',
    ],
    [
      { capabilities: { securityServiceUpdateSupport: false } },
      { requiredCapabilities: { securityServiceUpdateSupport: true } },
      'CapabilityNotSupported',
      'securityServiceUpdateSupport=true',
    ],
    [
      {},
      { requiredCapabilities: { driverHandlesShareServers: false } },
      'CapabilityNotSupported',
      'driverHandlesShareServers=false',
    ],
    [
      {},
      { requiredCapabilities: { securityServiceTypes: ['ldap', 'kerberos'] } },
      'CapabilityNotSupported',
      'securityServiceTypes kerberos',
    ],
    [
      {},
      { requiredCapabilities: { accessTypes: ['ip', 'user'] } },
      'CapabilityNotSupported',
      'accessTypes user for NFS',
    ],
    [{ free: '9Gi' }, {}, passing, 'does not have enough free space for 10Gi'],
    [{ free: '19Gi', reservedBytes: 10 * 2 ** 30 }, {}, passing, 'does not have enough free space for 10Gi'],
    [{}, { size: 'x' }, passing, 'cannot parse the size x'],
  ];
  it.each(unfit)('waits for a backend with %j when it wants %j: %s', (changes, spec, reason, obstacle) => {
    const input = { share: share(spec), backends: [backend('a', changes)] };
    const placement = place(input);
    expect(placement).toEqual({ kind: 'wait', reason, message: expect.stringMatching(/^a: /) });
    expect(placement).toHaveProperty('message', expect.stringContaining(obstacle));
    // What lasts is refused at once, for the same reason and in the same words.
    const refusal = refuse(input);
    expect(refusal).toEqual(reason === passing ? undefined : expect.objectContaining({ reason }));
    if (refusal !== undefined) expect(placement).toMatchObject(refusal);
  });

  it('waits for a backend that was never probed', () => {
    const { status: _, ...unprobed } = backend('a').backend;
    expect(place({ backends: [{ backend: unprobed, reservedBytes: 0 }] })).toMatchObject({
      message: 'a: is not ready',
    });
  });

  it('waits with one clause a backend, in order', () => {
    const backends = [
      backend('c', { ready: false }),
      backend('a', { free: '1Gi' }),
      backend('b', { spec: { enabled: false } }),
    ];
    expect(place({ backends })).toEqual({
      kind: 'wait',
      reason: 'NoValidBackend',
      message: 'a: does not have enough free space for 10Gi; b: is not enabled; c: is not ready',
    });
  });

  it('waits for its network, its backend, or any backend', () => {
    expect(place({ network: undefined })).toMatchObject({
      reason: 'ShareNetworkNotFound',
      message: 'share network net does not exist',
    });
    expect(place({ share: share({ backendName: 'z' }) })).toMatchObject({
      reason: 'BackendNotFound',
      message: 'storage backend z does not exist or does not allow namespace tenant',
    });
    expect(place({ backends: [] })).toMatchObject({ reason: 'BackendNotFound' });
  });

  it('goes to the backend that it names, fuller or not', () => {
    const backends = [backend('a'), backend('b', { free: '20Gi' })];
    expect(place({ backends, share: share({ backendName: 'b' }) })).toEqual(onNewServer('b'));
    expect(
      place({ backends: [backend('a'), backend('b', { ready: false })], share: share({ backendName: 'b' }) }),
    ).toMatchObject({
      message: 'b: is not ready',
    });
  });

  it('goes to the emptiest backend, counting what was just placed, by name when equal', () => {
    expect(place({ backends: [backend('a'), backend('b', { free: '2Ti' })] })).toEqual(onNewServer('b'));
    const reserved = backend('b', { free: '2Ti', reservedBytes: 1.5 * 2 ** 40 });
    expect(place({ backends: [reserved, backend('a')] })).toEqual(onNewServer('a'));
    expect(place({ backends: [backend('b'), backend('a')] })).toEqual(onNewServer('a'));
  });

  it('goes to a backend that does not tell its space after all others', () => {
    expect(place({ backends: [backend('a', { free: '' }), backend('b', { free: '11Gi' })] })).toEqual(onNewServer('b'));
    expect(place({ backends: [backend('a', { free: '' })] })).toEqual(onNewServer('a'));
  });
});

describe('a protocol that needs a security service', () => {
  const cifs = share({ protocol: 'CIFS' });

  it('waits before anything is made', () => {
    expect(place({ share: cifs, backends: [backend('b', { ready: false }), backend('a')] })).toEqual({
      kind: 'wait',
      reason: 'SecurityServiceRequired',
      message: 'a: requires a security service of type active_directory or ldap on share network net; b: is not ready',
    });
  });

  it('is satisfied by any of them', () => {
    expect(place({ share: cifs, securityServiceTypes: ['ldap'] })).toEqual(onNewServer('a'));
    expect(place({ share: cifs, securityServiceTypes: ['active_directory'] })).toEqual(onNewServer('a'));
  });

  it('is not fixed by a service on a backend that is full', () => {
    expect(place({ share: cifs, backends: [backend('a', { free: '1Gi' })] })).toMatchObject({
      reason: 'NoValidBackend',
    });
  });

  it('does not go to a backend that can not use what is on the network', () => {
    expect(place({ securityServiceTypes: ['ldap', 'kerberos'] })).toMatchObject({
      message: 'a: does not support security services of type kerberos',
    });
  });
});

describe('the subnet', () => {
  const rest: ShareNetworkSubnet = { name: 'rest', networkType: 'flat', cidr: '10.0.0.0/24' };
  const zoned: ShareNetworkSubnet = { ...rest, name: 'one', availabilityZone: 'z1', cidr: '10.0.1.0/24' };

  it('is the one of the zone, else the one without a zone', () => {
    const both = network(rest, zoned);
    expect(place({ network: both, share: share({ availabilityZone: 'z1' }) })).toEqual(onNewServer('a', 'one'));
    expect(place({ network: both, share: share({ availabilityZone: 'z2' }) })).toEqual(onNewServer('a', 'rest'));
    expect(place({ network: both })).toEqual(onNewServer('a', 'rest'));
  });

  it('may be missing', () => {
    expect(place({ network: network(zoned) })).toMatchObject({
      message: 'a: share network net has no subnet for shares without a zone',
    });
    expect(place({ network: network(zoned), share: share({ availabilityZone: 'z2' }) })).toMatchObject({
      message: 'a: share network net has no subnet for zone z2',
    });
  });
});

describe('a share server', () => {
  const fits: [string, ShareServer][] = [
    ['active', server('s')],
    ['creating', server('s', {}, { phase: 'creating' })],
  ];
  it.each(fits)('takes the share when it is %s', (_, present) => {
    expect(place({ servers: [present] })).toEqual({ kind: 'server', backendName: 'a', serverName: 's' });
  });

  const passed: [string, ShareServer][] = [
    ['in network_change', server('s', {}, { phase: 'network_change' })],
    ['in error', server('s', {}, { phase: 'error' })],
    ['deleting', server('s', {}, { phase: 'deleting' })],
    ['to be deleted', { ...server('s'), metadata: { name: 's', deletionTimestamp: '2026-01-01T00:00:00Z' } }],
    ['paused', { ...server('s'), metadata: { name: 's', annotations: { 'sharenet.io/paused': 'true' } } }],
    ['of another backend', server('s', { backendName: 'b' })],
    ['of another subnet', server('s', { subnetName: 'zoned' })],
    ['of another network', server('s', { shareNetworkName: 'other' })],
  ];
  it.each(passed)('is passed over when it is %s', (_, present) => {
    const rest: ShareNetworkSubnet = { name: 'rest', networkType: 'flat', cidr: '10.0.0.0/24' };
    const zoned: ShareNetworkSubnet = { ...rest, name: 'zoned', availabilityZone: 'z1', cidr: '10.0.1.0/24' };
    expect(place({ servers: [present], network: network(rest, zoned) })).toEqual(onNewServer('a'));
  });

  it('is not made where a subnet of the network is invalid, or not what other servers were given', () => {
    const rest = { name: 'rest', networkType: 'flat', cidr: '10.0.0.0/24' } as const;
    const reversed = network({ ...rest, allocationRanges: ['10.0.0.9-10.0.0.8'] });
    expect(place({ network: reversed })).toMatchObject({
      kind: 'wait',
      reason: 'SubnetInvalid',
      message: expect.stringMatching(/^share network net: subnet rest: .*ends before it begins$/),
    });
    const moved = network({ ...rest, cidr: '10.0.1.0/24' });
    const used = { phase: 'active', subnet: rest } as const;
    const backends = [backend('a', { spec: { maxSharesPerShareServer: 1 } })];
    const input = { network: moved, backends, servers: [server('s', {}, used)] };
    expect(place({ ...input, shareCount: () => 1 })).toMatchObject({ kind: 'wait', reason: 'SubnetInUse' });
    // The server that is there was given the subnet as it was.
    expect(place(input)).toMatchObject({ kind: 'server', serverName: 's' });
  });

  it('is passed over when an administrator denied it what the share requires', () => {
    const requiring = share({ requiredCapabilities: { securityServiceUpdateSupport: true } });
    const servers = [server('s', { securityServiceUpdateSupport: false })];
    expect(place({ share: requiring, servers })).toEqual(onNewServer('a'));
    expect(place({ servers }).kind).toBe('server');
  });

  it('is passed over at its limit', () => {
    const backends = [backend('a', { spec: { maxSharesPerShareServer: 2 } })];
    const servers = [server('s1'), server('s2')];
    const counts = (s1: number, s2: number) => (name: string) => (name === 's1' ? s1 : s2);
    expect(place({ backends, servers, shareCount: counts(2, 1) })).toMatchObject({ serverName: 's2' });
    expect(place({ backends, servers, shareCount: counts(2, 3) })).toEqual(onNewServer('a'));
    expect(place({ servers, shareCount: counts(500, 501) })).toMatchObject({ serverName: 's1' });
  });

  it('is preferred active, then with few shares, then by name', () => {
    const servers = [server('c'), server('b'), server('a', {}, { phase: 'creating' })];
    expect(place({ servers })).toMatchObject({ serverName: 'b' });
    expect(place({ servers, shareCount: (name) => (name === 'b' ? 1 : 0) })).toMatchObject({ serverName: 'c' });
  });
});

describe('what no backend will ever take', () => {
  const nfs = { capabilities: { shareProtocols: ['NFS'] } } as const;
  const cephfs = share({ protocol: 'CEPHFS' });
  const foreign = { spec: { allowedNamespaces: onlyBlue } };

  it('is refused with the reason that all backends agree on', () => {
    expect(refuse({ share: cephfs, backends: [backend('b', nfs), backend('a')] })).toEqual({
      reason: 'ProtocolNotSupported',
      message: 'a: does not support protocol CEPHFS, only: NFS, CIFS; b: does not support protocol CEPHFS, only: NFS',
    });
  });

  it('is refused with a list where each backend has another reason', () => {
    const backends = [
      backend('a', { capabilities: { shareProtocols: ['CEPHFS'], driverHandlesShareServers: false } }),
      backend('b', nfs),
    ];
    expect(refuse({ share: cephfs, backends })).toEqual({
      reason: 'NoValidBackend',
      message: 'a: has no share servers and supports no share networks; b: does not support protocol CEPHFS, only: NFS',
    });
  });

  it('is refused for what is wrong on the backends that the namespace may use, if there are any', () => {
    expect(refuse({ share: cephfs, backends: [backend('a', foreign), backend('b', nfs)] })).toEqual({
      reason: 'ProtocolNotSupported',
      message: 'b: does not support protocol CEPHFS, only: NFS; 1 more does not allow namespace tenant',
    });
    expect(refuse({ backends: [backend('b', foreign), backend('a', foreign)] })).toEqual({
      reason: 'NamespaceNotAllowed',
      message: 'no storage backend allows namespace tenant (there are 2)',
    });
  });

  it('learns nothing of a backend that is not offered to its namespace, whatever it is like', () => {
    const everything = [
      backend('secret-1', foreign),
      backend('secret-2', { ...foreign, ready: false }),
      backend('secret-3', { ...foreign, ...nfs, deleted: true }),
    ];
    for (const hidden of everything) {
      const named = share({ ...cephfs.spec, backendName: hidden.backend.metadata.name });
      const answers = [[hidden], [], [...everything, backend('a')]].map((backends) => [
        refuse({ share: named, backends }),
        place({ share: named, backends }),
      ]);
      // The same as of one that does not exist.
      expect(answers[0]).toEqual(answers[1]);
      expect(answers[2]).toEqual(answers[1]);
      expect(answers[1]).toEqual([undefined, expect.objectContaining({ kind: 'wait', reason: 'BackendNotFound' })]);
    }
    for (const backends of [everything, [...everything, backend('a', { ready: false })]]) {
      expect(JSON.stringify([place({ backends }), refuse({ backends })])).not.toContain('secret');
    }
  });

  it('names five backends and a count', () => {
    const backends = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((name) => backend(name, nfs));
    const message = refuse({ share: cephfs, backends })?.message ?? '';
    expect(message.split('; ')).toHaveLength(6);
    expect(message).toMatch(/; and 2 more backends$/);
  });

  it('is not known where a backend is missing, was not probed as it is, or only waits for something', () => {
    const { status: _, ...unprobed } = backend('z').backend;
    const stale = backend('z', nfs).backend;
    const changed = { ...stale, metadata: { ...stale.metadata, generation: 2 } };
    const lasting = backend('a', nfs);
    expect(refuse({ share: cephfs, backends: [] })).toBeUndefined();
    expect(refuse({ share: share({ ...cephfs.spec, backendName: 'z' }), backends: [lasting] })).toBeUndefined();
    for (const other of [unprobed, changed, backend('z', { capabilities: { shareProtocols: ['CEPHFS'] } }).backend]) {
      expect(refuse({ share: cephfs, backends: [lasting, { backend: other, reservedBytes: 0 }] })).toBeUndefined();
    }
    expect(refuse({ backends: [backend('a', { free: '1Gi' }), backend('b', { ready: false })] })).toBeUndefined();
    // What no probe can change is known before one.
    const closed = { ...unprobed, spec: { ...unprobed.spec, ...foreign.spec } };
    expect(refuse({ backends: [{ backend: closed, reservedBytes: 0 }] })?.reason).toBe('NamespaceNotAllowed');
  });

  it('is known of the backend that the share names alone', () => {
    const backends = [backend('a'), backend('b', nfs)];
    const named = share({ protocol: 'CIFS', backendName: 'b' });
    expect(refuse({ share: named, backends })).toMatchObject({ reason: 'ProtocolNotSupported' });
  });

  it('is known before the share network exists, but for its segment', () => {
    const backends = [backend('a', { spec: { allowedSegments: [{ networkType: 'vlan' }] } })];
    expect(refuse({ network: undefined, share: cephfs, backends })).toMatchObject({ reason: 'ProtocolNotSupported' });
    expect(refuse({ network: undefined, backends })).toBeUndefined();
  });
});

describe('any placement', () => {
  const bool = fc.boolean();
  const changes = fc.record({
    ready: bool,
    deleted: fc.constantFrom(false, false, true),
    free: fc.constantFrom('', '1Gi', '20Gi', '30Gi', '40Gi'),
    reservedBytes: fc.constantFrom(0, 10 * 2 ** 30, 25 * 2 ** 30),
    spec: fc.record({
      enabled: fc.constantFrom(true, true, false),
      maxSharesPerShareServer: fc.constantFrom(1, 2, 3),
      allowedSegments: fc.constantFrom([{ networkType: 'flat' as const }], [{ networkType: 'vlan' as const }]),
      allowedNamespaces: fc.constantFrom<NonNullable<StorageBackendSpec['allowedNamespaces']>>(
        { from: 'All' },
        { from: 'Selector', selector: { matchLabels: { team: 'red' } } },
        { from: 'Selector', selector: { matchLabels: { team: 'blue' } } },
      ),
    }),
    capabilities: fc.record({
      driverHandlesShareServers: fc.constantFrom(true, true, false),
      shareProtocols: fc.constantFrom<BackendCapabilities['shareProtocols']>(['NFS'], ['CIFS'], ['NFS', 'CIFS']),
    }),
  });
  const names = ['a', 'b', 'c', 'd'];
  const backends = fc
    .array(changes, { maxLength: names.length })
    .map((list) => list.map((entry, index) => backend(names[index] ?? '', entry)));
  const servers = fc
    .array(
      fc.record({
        backendName: fc.constantFrom(...names),
        phase: fc.constantFrom<NonNullable<ShareServerStatus['phase']>>(
          'active',
          'creating',
          'error',
          'network_change',
        ),
      }),
      { maxLength: 6 },
    )
    .map((list) => list.map(({ backendName, phase }, index) => server(`s${index}`, { backendName }, { phase })));
  const inputs = fc.record({ backends, servers, counts: fc.array(fc.nat(3), { minLength: 6, maxLength: 6 }) });
  const countsOf = (counts: readonly number[]) => (name: string) => counts[Number(name.slice(1))] ?? 0;

  const free = ({ backend: { status }, reservedBytes }: PlacementBackend): number | undefined =>
    status?.capacity && (parseQuantity(status.capacity.available) ?? 0) - reservedBytes;
  const qualifies = (candidate: PlacementBackend): boolean => {
    const { metadata, spec, status } = candidate.backend;
    const [subnet] = network().spec.subnets ?? [];
    return (
      subnet !== undefined &&
      spec.enabled !== false &&
      metadata.deletionTimestamp === undefined &&
      status?.conditions?.[0]?.status === 'True' &&
      status.capabilities?.driverHandlesShareServers === true &&
      status.capabilities.shareProtocols.includes('NFS') &&
      namespaceAllowed(spec.allowedNamespaces, { team: 'red' }) &&
      segmentAllowed(subnet, spec.allowedSegments, { team: 'red' }) &&
      (free(candidate) ?? Number.POSITIVE_INFINITY) >= 10 * 2 ** 30
    );
  };

  it('is on a backend that qualifies and is the emptiest of them, or waits with a clause for each', () => {
    fc.assert(
      fc.property(inputs, (input) => {
        const placement = place({ ...input, shareCount: countsOf(input.counts) });
        const fit = input.backends.filter(qualifies);
        if (placement.kind === 'wait') {
          expect(fit).toEqual([]);
          const allows = ({ backend: { spec } }: PlacementBackend): boolean =>
            namespaceAllowed(spec.allowedNamespaces, { team: 'red' });
          const offered = input.backends.filter(allows).length;
          // One clause for all that are not offered.
          const clauses = offered + Number(offered < input.backends.length);
          if (input.backends.length > 0) expect(placement.message.split('; ')).toHaveLength(clauses);
          return;
        }
        const chosen = fit.find((candidate) => candidate.backend.metadata.name === placement.backendName);
        if (chosen === undefined) return expect.unreachable('a backend that does not qualify');
        for (const other of fit) expect(free(other) ?? -1).toBeLessThanOrEqual(free(chosen) ?? -1);
      }),
    );
  });

  it('waits for what it is refused for, in the same words', () => {
    fc.assert(
      fc.property(inputs, (input) => {
        const refusal = refuse(input);
        if (refusal === undefined) return;
        expect(place({ ...input, shareCount: countsOf(input.counts) })).toEqual({ kind: 'wait', ...refusal });
      }),
    );
  });

  it('is on a server below its limit that can take it, when there is one', () => {
    fc.assert(
      fc.property(inputs, (input) => {
        const shareCount = countsOf(input.counts);
        const placement = place({ ...input, shareCount });
        if (placement.kind === 'wait' || placement.kind === 'backend') return;
        const limit = input.backends.find(({ backend: { metadata } }) => metadata.name === placement.backendName)
          ?.backend.spec.maxSharesPerShareServer;
        const able = input.servers
          .filter(({ spec }) => spec.backendName === placement.backendName)
          .filter(({ status }) => status?.phase === 'active' || status?.phase === 'creating')
          .map(({ metadata }) => metadata.name)
          .filter((name) => shareCount(name) < (limit ?? Number.POSITIVE_INFINITY));
        if (placement.kind === 'server') expect(able).toContain(placement.serverName);
        else expect(able).toEqual([]);
      }),
    );
  });

  it('does not depend on the order of backends and servers', () => {
    fc.assert(
      fc.property(inputs, (input) => {
        const shareCount = countsOf(input.counts);
        const turned = { backends: input.backends.toReversed(), servers: input.servers.toReversed(), shareCount };
        expect(place(turned)).toEqual(place({ ...input, shareCount }));
      }),
    );
  });
});
