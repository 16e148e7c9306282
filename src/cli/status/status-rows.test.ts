import { describe, expect, test } from 'vitest';
import type { Condition } from '../../api/v1alpha1/conditions.ts';
import { apiVersion } from '../../api/v1alpha1/resource-types.ts';
import type { Share, ShareStatus } from '../../api/v1alpha1/share.ts';
import type { ShareAccess, ShareAccessStatus } from '../../api/v1alpha1/share-access.ts';
import type { ShareNetwork, ShareNetworkStatus } from '../../api/v1alpha1/share-network.ts';
import type { ShareServer, ShareServerStatus } from '../../api/v1alpha1/share-server.ts';
import type { StorageBackend } from '../../api/v1alpha1/storage-backend.ts';
import { statusRows } from './status-rows.ts';
import { type StatusObjects, statusTree } from './status-tree.ts';

const now = Date.parse('2026-01-01T12:00:00Z');
const namespace = 'team-a';
const meta = (name: string) => ({ namespace, name, generation: 1 });
const services = [{ type: 'active_directory', name: 'ad-a' }] as const;
const recorded = (name: string) => ({ type: 'active_directory', name, uid: name, generation: 1 }) as const;
const change = {
  changes: [{ type: 'active_directory', operation: 'update', from: recorded('ad-a'), to: recorded('ad-b') }],
  requestedBy: 'spec',
} as const;

function conditionOf(type: string, status: Condition['status'], reason: string, message: string): Condition {
  return { type, status, reason, message, lastTransitionTime: '2026-01-01T00:00:00Z' };
}

function network(name: string, status: ShareNetworkStatus = {}): ShareNetwork {
  const base = { observedGeneration: 1, phase: 'active', securityServices: [recorded('ad-a')] } as const;
  return { apiVersion, metadata: meta(name), spec: { securityServices: services }, status: { ...base, ...status } };
}

function server(name: string, shareNetworkName: string, status: ShareServerStatus = {}): ShareServer {
  const spec = { backendName: 'b1', shareNetworkName, subnetName: 'default' };
  return { apiVersion, metadata: meta(name), spec, status: { observedGeneration: 1, phase: 'active', ...status } };
}

function share(name: string, status: ShareStatus = {}, shareNetworkName?: string): Share {
  const spec = { protocol: 'CEPHFS', size: '1Gi', ...(shareNetworkName && { shareNetworkName }) } as const;
  return { apiVersion, metadata: meta(name), spec, status: { observedGeneration: 1, phase: 'available', ...status } };
}

function rule(name: string, shareName: string, status: ShareAccessStatus = {}): ShareAccess {
  const spec = { shareName, accessType: 'cephx', accessTo: name } as const;
  return { apiVersion, metadata: meta(name), spec, status: { observedGeneration: 1, phase: 'active', ...status } };
}

/** The rows as lines: fields separated by a bar. */
function lines(objects: Partial<StatusObjects>, allNamespaces = false): readonly string[] {
  const all = { networks: [], servers: [], shares: [], rules: [], backends: undefined, ...objects };
  const rows = statusRows(statusTree(all), { now, backends: all.backends, allNamespaces });
  return rows.map((row) =>
    typeof row === 'string'
      ? row
      : row
          .map(({ text }) => text)
          .join(' | ')
          .replace(/ \| $/, ''),
  );
}

describe('the tree of the status', () => {
  test('has each object in its place, by name; what is healthy takes a short line', () => {
    expect(
      lines({
        networks: [network('net-2'), network('net-1')],
        servers: [server('s-2', 'net-1'), server('s-1', 'net-1'), server('s-9', 'gone')],
        shares: [
          share('a', { shareServerName: 's-1' }, 'net-1'),
          share('b', { shareServerName: 's-1' }, 'net-1'),
          share('new', { phase: 'creating' }, 'net-1'),
          share('plain'),
          share('lost', {}, 'gone'),
        ],
        rules: [rule('r-2', 'a'), rule('r-1', 'a'), rule('r-3', 'plain'), rule('r-4', 'nowhere')],
      }),
    ).toEqual([
      'sharenetwork/net-1 | active',
      '│  services: active_directory ad-a',
      '├─ shareserver/s-1 on b1 | active',
      '│  ├─ share/a CEPHFS 1Gi | available',
      '│  │  ├─ shareaccess/r-1 cephx r-1 rw | active',
      '│  │  └─ shareaccess/r-2 cephx r-2 rw | active',
      '│  └─ share/b CEPHFS 1Gi | available',
      '├─ shareserver/s-2 on b1 | active',
      '└─ share/new CEPHFS 1Gi | creating',
      'sharenetwork/net-2 | active',
      '   services: active_directory ad-a',
      'share servers without a network:',
      'shareserver/s-9 on b1 | active',
      'shares without a network:',
      'share/lost CEPHFS 1Gi | available',
      'share/plain CEPHFS 1Gi | available',
      '└─ shareaccess/r-3 cephx r-3 rw | active',
      'access rules without a share:',
      'shareaccess/r-4 cephx r-4 rw | active',
    ]);
  });

  test('equal names in two namespaces are two things', () => {
    const [other] = [network('net')].map((object) => ({ ...object, metadata: { name: 'net', namespace: 'team-0' } }));
    expect(
      lines({ networks: [network('net'), ...(other ? [other] : [])], servers: [server('s', 'net')] }, true),
    ).toEqual([
      'namespace team-0',
      'sharenetwork/net | active',
      '   services: active_directory ad-a',
      'namespace team-a',
      'sharenetwork/net | active',
      '│  services: active_directory ad-a',
      '└─ shareserver/s on b1 | active',
    ]);
  });

  test('each cause is shown once, the one that matters most in the row itself', () => {
    const conditions = [
      conditionOf('SecurityServicesUpToDate', 'False', 'UpdateFailed', 'join refused'),
      conditionOf('Stalled', 'True', 'UpdateFailed', 'join refused'),
      conditionOf('Ready', 'False', 'UpdateFailed', 'join refused'),
      conditionOf('Warning', 'True', 'DriverWarning', 'left an account'),
    ];
    expect(lines({ servers: [server('s', 'x', { phase: 'error', conditions })] }).slice(1)).toEqual([
      'shareserver/s on b1 | error | UpdateFailed: join refused',
      '   DriverWarning: left an account',
    ]);
  });

  test('an object that the operator has not seen says so, and one that is being deleted', () => {
    const fresh: Share = { ...share('new', { observedGeneration: -1 }) };
    const leaving: Share = { ...share('old'), metadata: { ...meta('old'), deletionTimestamp: '2026-01-01T00:00:00Z' } };
    const gone: Share = { ...leaving, status: { observedGeneration: 1, phase: 'deleting' } };
    expect(lines({ shares: [fresh] })[1]).toMatch(/the operator has not seen the last change of it yet$/);
    expect(lines({ shares: [leaving] })[1]).toMatch(/ \| available \| is being deleted$/);
    expect(lines({ shares: [gone] })[1]).toMatch(/ \| deleting$/);
  });

  test('a change shows how far it is, the last one how it ended', () => {
    const running = network('net', {
      phase: 'network_change',
      networkChange: { id: 'c2', stage: 'applying', scope: 'all', startedTime: '2026-01-01T11:59:20Z', ...change },
      lastNetworkChange: {
        id: 'c1',
        startedTime: '2026-01-01T09:00:00Z',
        finishedTime: '2026-01-01T09:00:10Z',
        result: 'Failed',
        failedServers: ['s-1'],
        failed: 7,
        notAttempted: 2,
        ...change,
      },
    });
    const servers = [
      server('s-1', 'net', {
        networkChange: { id: 'c2', changes: [] },
        lastNetworkChange: { id: 'c1', result: 'Failed' },
      }),
      server('s-2', 'net', { lastNetworkChange: { id: 'c2', result: 'Succeeded' } }),
      server('s-3', 'net', { lastNetworkChange: { id: 'c2', result: 'Failed' } }),
      server('s-4', 'net'),
    ];
    expect(lines({ networks: [running], servers }).slice(1, 4)).toEqual([
      '│  services: active_directory ad-a',
      '│  change: applying for 40s; active_directory ad-a -> ad-b (by spec); 1 of 3 servers done, 1 failed',
      '│  last change: Failed 2h ago; active_directory ad-a -> ad-b (by spec); failed: s-1 and 6 more, 2 not attempted',
    ]);
  });

  test('services that are wanted but not in force are shown beside those that are', () => {
    const waiting = { ...network('net'), spec: { securityServices: [{ type: 'ldap', name: 'dir' }] } } as const;
    expect(lines({ networks: [waiting] })[1]).toBe('   services: active_directory ad-a; wanted: ldap dir');
  });

  test('a backend is shown where it can be read and is not ready', () => {
    const backend = (spec: object, ...conditions: readonly Condition[]): StorageBackend => ({
      apiVersion,
      metadata: { name: 'b1', generation: 1 },
      spec: { driver: 'dummy', ...spec },
      status: { observedGeneration: 1, conditions },
    });
    const told = (backends: readonly StorageBackend[] | undefined) =>
      lines({ servers: [server('s', 'x')], backends }).slice(2);
    expect(told(undefined)).toEqual([]);
    expect(told([])).toEqual(['   storage backend b1 does not exist']);
    expect(told([backend({})])).toEqual([]);
    expect(
      told([backend({ enabled: false }, conditionOf('Ready', 'False', 'BackendUnavailable', 'no route'))]),
    ).toEqual(['   storage backend b1 is not enabled', '   storage backend b1: BackendUnavailable: no route']);
  });
});
