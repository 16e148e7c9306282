import { describe, expect, it } from 'vitest';
import type { AllowedSegment } from '../api/v1alpha1/network-segments.ts';
import type { ShareNetworkSubnet } from '../api/v1alpha1/share-network.ts';
import type { StorageBackend, StorageBackendSpec } from '../api/v1alpha1/storage-backend.ts';
import { segmentProblem, segmentTexts } from './segments.ts';

const flat: ShareNetworkSubnet = { name: 'flat', networkType: 'flat', cidr: '10.0.0.0/24' };
const vlan: ShareNetworkSubnet = { name: 'vlan', networkType: 'vlan', segmentationID: 100, cidr: '10.0.1.0/24' };
const blue = { from: 'Selector', selector: { matchLabels: { team: 'blue' } } } as const;

interface Options {
  /** undefined: never probed. */
  readonly makesServers?: boolean | undefined;
  readonly spec?: Partial<StorageBackendSpec>;
  readonly deleted?: boolean;
}

function backend(name: string, segments: readonly AllowedSegment[] | undefined, options: Options = {}): StorageBackend {
  const { makesServers = true, spec = {}, deleted = false } = options;
  return {
    metadata: { name, ...(deleted && { deletionTimestamp: '2026-01-01T00:00:00Z' }) },
    spec: { driver: 'dummy', ...(segments !== undefined && { allowedSegments: segments }), ...spec },
    ...('makesServers' in options && options.makesServers === undefined
      ? {}
      : {
          status: {
            capabilities: {
              driverHandlesShareServers: makesServers,
              securityServiceUpdateSupport: true,
              securityServiceTypes: [],
              shareProtocols: ['NFS'],
              accessTypesByProtocol: {},
              accessLevels: ['rw'],
              accessKeyTypes: [],
              networkAllocationsPerServer: 1,
            },
          },
        }),
  };
}

function problem(subnets: readonly ShareNetworkSubnet[], ...backends: readonly StorageBackend[]): string | undefined {
  return segmentProblem(subnets, { namespace: 'tenant', namespaceLabels: { team: 'red' }, backends });
}

describe('the segment of a subnet', () => {
  it('is refused when no backend of the namespace allows it, with what the namespace may use', () => {
    const ranges: AllowedSegment = { networkType: 'vlan', segmentationIDs: ['200-299', '7'], cidrs: ['10.0.0.0/8'] };
    expect(problem([flat, vlan], backend('b', [ranges]), backend('a', undefined))).toBe(
      'subnet vlan: no storage backend lets namespace tenant use vlan 100 with 10.0.1.0/24; ' +
        'it may use: flat (a); vlan 200-299, 7 in 10.0.0.0/8 (b)',
    );
  });

  it('is allowed when one backend allows it', () => {
    expect(problem([flat, vlan], backend('a', undefined), backend('b', [{ networkType: 'vlan' }]))).toBeUndefined();
  });

  it('does not tell what is allowed to others', () => {
    const secret: AllowedSegment = { networkType: 'vlan', segmentationIDs: ['100'], namespaces: blue };
    const text = problem([vlan], backend('a', [secret, { networkType: 'vxlan' }]), backend('b', [secret]));
    expect(text).toMatch(/it may use: vxlan \(a\)$/);
    expect(problem([vlan], backend('b', [secret]))).toMatch(/it may use: no segment$/);
  });

  const unjudged: [string, readonly StorageBackend[]][] = [
    ['there is no backend', []],
    ['backends are for other namespaces', [backend('a', undefined, { spec: { allowedNamespaces: blue } })]],
    ['backends make no share servers', [backend('a', undefined, { makesServers: false })]],
    ['no backend was probed yet', [backend('a', undefined, { makesServers: undefined })]],
    ['the only backend is being deleted', [backend('a', undefined, { deleted: true })]],
    [
      'a backend that may make share servers allows it',
      [backend('a', undefined), backend('b', [{ networkType: 'vlan' }], { makesServers: undefined })],
    ],
  ];
  it.each(unjudged)('is not refused when %s', (_, backends) => {
    expect(problem([vlan], ...backends)).toBeUndefined();
  });

  it('is refused also where another backend allows it that can not be used', () => {
    const open = [{ networkType: 'vlan' }] as const;
    for (const options of [{ deleted: true }, { makesServers: false }, { spec: { allowedNamespaces: blue } }]) {
      expect(problem([vlan], backend('a', undefined), backend('b', open, options)), JSON.stringify(options)).toContain(
        'it may use: flat (a)',
      );
    }
  });
});

describe('the segments of a backend', () => {
  it('are written with the first five of many', () => {
    const ids = ['1', '2', '3', '4', '5', '6', '7'];
    expect(segmentTexts([{ networkType: 'vlan', segmentationIDs: ids }], {})).toEqual([
      'vlan 1, 2, 3, 4, 5 and 2 more',
    ]);
  });
});
