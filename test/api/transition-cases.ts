import type { Change, TransitionCase } from './cases.ts';
import { subnets } from './valid-specs.ts';

/** An optional field that can be neither changed, nor removed, nor added. */
function immutable(kind: string, field: string, value: unknown, other: unknown): readonly TransitionCase[] {
  const message = `${field} is immutable`;
  return [
    {
      kind,
      message,
      before: { [field]: value },
      accepted: [{ [field]: value }],
      refused: [{ [field]: other }, { [field]: null }],
    },
    { kind, message, before: { [field]: undefined }, accepted: [{}], refused: [{ [field]: value }] },
  ];
}

const services = [{ type: 'active_directory', name: 'ad-b' }];
const otherSubnets = subnets({}, { name: 'zone-b', availabilityZone: 'zone-b' });

/** The network's services and subnets in a phase, absent or not. */
function whileNetworkIs(status: Change, refused: boolean): readonly TransitionCase[] {
  const cases: [string, readonly Change[]][] = [
    ["security services can't be changed", [{ securityServices: services }, { securityServices: null }]],
    ["subnets can't be changed", [otherSubnets, { subnets: null }]],
  ];
  return cases.map(([message, changes]) => ({
    kind: 'ShareNetwork',
    message,
    status,
    accepted: [{ description: 'text' }, { securityServiceChange: { maxFailures: 1 } }, ...(refused ? [] : changes)],
    refused: refused ? changes : [],
  }));
}

/** The rules that compare an object with its predecessor. */
export const transitionCases: readonly TransitionCase[] = [
  ...whileNetworkIs({ phase: 'network_change' }, true),
  ...whileNetworkIs({ phase: 'error' }, true),
  ...whileNetworkIs({ phase: 'active' }, false),
  ...whileNetworkIs({ phase: null }, false),
  {
    kind: 'SecurityService',
    message: 'type is immutable',
    accepted: [{ domain: 'other.example.com' }],
    refused: [{ type: 'ldap' }],
  },
  {
    kind: 'SecurityService',
    message: 'only description may be changed',
    status: { inUse: true },
    accepted: [{ description: 'text' }, { dnsIPs: ['10.0.0.53'] }],
    refused: [
      { dnsIPs: ['10.0.0.54'] },
      { dnsIPs: null },
      { servers: ['dc1'] },
      { domain: 'other.example.com' },
      { user: 'other' },
      { passwordSecretRef: { name: 'other' } },
      { passwordSecretRef: { key: 'other' } },
      { ou: null },
      { defaultADSite: 'Berlin' },
    ],
  },
  {
    kind: 'SecurityService',
    message: 'only description may be changed',
    before: { type: 'ldap', tls: { mode: 'Required' } },
    status: { inUse: true },
    accepted: [{ description: 'text' }, { tls: { mode: 'Required' } }],
    refused: [{ tls: null }, { tls: { mode: 'Opportunistic' } }, { tls: { caSecretRef: { name: 'ca' } } }],
  },
  {
    kind: 'SecurityService',
    message: 'only description may be changed',
    status: { inUse: false },
    accepted: [{ dnsIPs: ['10.0.0.54'] }, { user: null }],
    refused: [],
  },
  {
    kind: 'StorageBackend',
    message: 'driver is immutable',
    accepted: [{ enabled: false }, { dummy: { latency: '1s' } }],
    refused: [{ driver: 'vendor.example/filer', parameters: {}, dummy: null }],
  },
  {
    kind: 'ShareServer',
    message: 'backendName is immutable',
    accepted: [{ securityServiceUpdateSupport: true }],
    refused: [{ backendName: 'other' }],
  },
  {
    kind: 'ShareServer',
    message: 'shareNetworkName is immutable',
    accepted: [{}],
    refused: [{ shareNetworkName: 'other' }],
  },
  { kind: 'ShareServer', message: 'subnetName is immutable', accepted: [{}], refused: [{ subnetName: 'other' }] },
  {
    kind: 'Share',
    message: 'protocol is immutable',
    accepted: [{ size: '20Gi' }, { size: 1 }, { deletionPolicy: 'Retain' }, { description: 'text' }],
    refused: [{ protocol: 'CIFS' }],
  },
  ...immutable('Share', 'shareNetworkName', 'net-1', 'net-2'),
  ...immutable('Share', 'backendName', 'dummy', 'other'),
  ...immutable('Share', 'availabilityZone', 'zone-a', 'zone-b'),
  ...immutable(
    'Share',
    'requiredCapabilities',
    { securityServiceUpdateSupport: true },
    { securityServiceUpdateSupport: false },
  ),
  {
    kind: 'ShareAccess',
    message: 'shareName is immutable',
    accepted: [{ accessLevel: 'ro' }],
    refused: [{ shareName: 'share-2' }],
  },
  {
    kind: 'ShareAccess',
    message: 'accessType is immutable',
    before: { accessType: 'user', accessTo: 'alice' },
    accepted: [{ accessLevel: 'ro' }],
    refused: [{ accessType: 'cephx' }],
  },
  {
    kind: 'ShareAccess',
    message: 'accessTo is immutable',
    accepted: [{ accessTo: '10.0.0.7' }],
    refused: [{ accessTo: '10.0.0.8' }],
  },
];
