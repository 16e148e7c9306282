import type { FormatCase } from './cases.ts';
import { certificate } from './certificate.ts';
import { subnets } from './valid-specs.ts';

function user(accessTo: string) {
  return { accessType: 'user', accessTo };
}
function cert(accessTo: string) {
  return { accessType: 'cert', accessTo };
}
function cephx(accessTo: string) {
  return { accessType: 'cephx', accessTo };
}
function flat(change: object) {
  return subnets({ gateway: undefined, allocationRanges: undefined, ...change });
}
function segments(...ids: string[]) {
  return { allowedSegments: [{ networkType: 'vlan', segmentationIDs: ids }] };
}
function selector(change: object) {
  return { allowedNamespaces: { from: 'Selector', selector: { matchExpressions: [{ key: 'team', ...change }] } } };
}
const cephfs = { monitors: ['10.0.0.1:6789'], user: 'sharenet', credentialsSecretName: 'ceph', fsName: 'cephfs' };
export const onCephFS = (changes: object) => ({
  driver: 'cephfs',
  dummy: undefined,
  cephfs: { ...cephfs, ...changes },
});
const sambaHost = {
  name: 'filer-a',
  address: '192.0.2.10',
  hostKey: `ssh-ed25519 ${'A'.repeat(68)} root@filer-a`,
  root: '/srv/sharenet',
  interface: 'br0',
};
const samba = { hosts: [sambaHost], credentialsSecretName: 'filers' };
const onSamba = (changes: object) => ({ driver: 'samba', dummy: undefined, samba: { ...samba, ...changes } });
const onHost = (changes: object) => onSamba({ hosts: [{ ...sambaHost, ...changes }] });
const custom = { driver: 'vendor.example/filer', dummy: undefined };

/** The rules that look at one object. */
export const formatCases: readonly FormatCase[] = [
  {
    kind: 'ShareAccess',
    message: 'accessType ip needs',
    accepted: [
      { accessTo: '10.0.0.0/8' },
      { accessTo: '10.0.0.1/32' },
      { accessTo: '0.0.0.0/0' },
      { accessTo: '2001:db8::1' },
      { accessTo: '2001:db8::/64' },
    ],
    refused: [
      { accessTo: '10.0.0.1/8' },
      { accessTo: '10.0.0.01' },
      { accessTo: '010.0.0.0/8' },
      { accessTo: '10.0.0.0/08' },
      { accessTo: '10.0.0.0/33' },
      { accessTo: 'fe80::1%eth0' },
      { accessTo: 'fe80::%eth0/64' },
      { accessTo: '2001:db8::1/64' },
      { accessTo: 'host.example.com' },
      { accessTo: ' 10.0.0.1' },
      ...['1.2.3.260', '1.2.3.*', '1.2.3.4/33', '1.2.3.4-1.2.3.9', '1.2.3', '1.2.3.4/', '2001:db8::/129'].map(
        (accessTo) => ({ accessTo }),
      ),
    ],
  },
  {
    kind: 'ShareAccess',
    message: 'accessType user needs',
    accepted: [
      ...['alice', 'Domain Users', 'jörg.müller', 'u'.repeat(255), 'HR', 'x', 'CORP\\bob', 'corp.test\\HR'].map(user),
    ],
    refused: [
      ...[...'"/[]:;|=,+*?<>%'].map((character) => user(`al${character}ice`)),
      ...[' alice', 'alice ', '\u00a0alice', '....', '-alice', '@admins'].map(user),
      ...['\\', '\\bob', 'CORP\\', 'A\\B\\c', 'CORP \\bob', 'CORP\\ bob', 'CORP\\-bob', 'CORP\\..'].map(user),
    ],
  },
  {
    kind: 'ShareAccess',
    message: 'accessType cert needs',
    accepted: [cert('client.example.com'), cert(' client '), cert('c'.repeat(64)), cert('CN with spaces')],
    refused: [cert('   '), cert('c'.repeat(65)), cert('-client'), cert(' @client'), cert('%client')],
  },
  {
    kind: 'ShareAccess',
    message: 'accessType cephx needs',
    accepted: [cephx('alice'), cephx('a'), cephx('team_a-1@site'), cephx('c'.repeat(64))],
    refused: [
      cephx('client.alice'),
      cephx('-alice'),
      cephx('älice'),
      cephx(' alice'),
      cephx('@alice'),
      cephx('%U'),
      cephx('c'.repeat(65)),
    ],
  },
  {
    kind: 'Share',
    message: 'size must be',
    accepted: [{ size: 1 }, { size: '1' }, { size: '500M' }, { size: '0.5Ti' }, { size: '1e9' }, { size: '7Pi' }],
    refused: [{ size: 0 }, { size: -1 }, { size: '0' }, { size: '0Gi' }, { size: '8Pi' }, { size: '9E' }],
  },
  {
    kind: 'SecurityService',
    message: 'defaultADSite looks',
    accepted: [{ defaultADSite: 'Berlin' }, { servers: ['dc1'] }, { defaultADSite: 'Berlin', servers: [] }],
    refused: [{ defaultADSite: 'Berlin', servers: ['dc1'] }],
  },
  {
    kind: 'SecurityService',
    message: 'tls is for services of type ldap only',
    accepted: [{ type: 'ldap', tls: { mode: 'Required' } }, { type: 'ldap', tls: {} }, { type: 'ldap' }],
    refused: [
      { type: 'active_directory', tls: {} },
      { type: 'kerberos', tls: { mode: 'Opportunistic' } },
    ],
  },
  {
    kind: 'SecurityService',
    message: "caBundle and caSecretRef can't be used together",
    accepted: [
      { type: 'ldap', tls: { caSecretRef: { name: 'ca' } } },
      { type: 'ldap', tls: { caBundle: certificate } },
    ],
    refused: [{ type: 'ldap', tls: { caBundle: certificate, caSecretRef: { name: 'ca' } } }],
  },
  {
    kind: 'SecurityService',
    message: 'must be an IPv4 or IPv6 address',
    accepted: [{ dnsIPs: ['10.0.0.53', '2001:db8::53'] }],
    refused: [{ dnsIPs: ['10.0.0.53', 'dns.example.com'] }, { dnsIPs: ['10.0.0.053'] }, { dnsIPs: ['fe80::1%eth0'] }],
  },
  {
    kind: 'ShareNetwork',
    message: 'must be an IPv4 or IPv6 address',
    accepted: [subnets({ gateway: '10.0.0.254' })],
    refused: [subnets({ gateway: 'router' })],
  },
  {
    kind: 'ShareNetwork',
    message: 'must be a network in CIDR notation',
    accepted: [flat({ cidr: '10.0.0.0/24' }), flat({ cidr: '2001:db8::/64' })],
    refused: [flat({ cidr: '10.0.0.1/24' }), flat({ cidr: '10.0.0.0' }), flat({ cidr: '2001:db8::1/64' })],
  },
  {
    kind: 'ShareNetwork',
    message: 'must be first-last',
    accepted: [subnets({ allocationRanges: ['10.0.0.10-10.0.0.10', '10.0.0.64/26'] })],
    refused: [
      subnets({ allocationRanges: ['10.0.0.10'] }),
      subnets({ allocationRanges: ['10.0.0.10-'] }),
      subnets({ allocationRanges: ['10.0.0.10 - 10.0.0.20'] }),
      subnets({ allocationRanges: ['10.0.0.10-10.0.0.20-10.0.0.30'] }),
      subnets({ allocationRanges: ['10.0.0.65/26'] }),
    ],
  },
  {
    kind: 'ShareNetwork',
    message: 'networkType vlan, vxlan and gre need',
    accepted: [flat({}), flat({ networkType: undefined }), subnets({ networkType: 'gre', segmentationID: 4294967295 })],
    refused: [
      subnets({ segmentationID: 7 }),
      subnets({ networkType: undefined, segmentationID: 7 }),
      subnets({ networkType: 'vlan' }),
      subnets({ networkType: 'gre' }),
    ],
  },
  {
    kind: 'ShareNetwork',
    message: 'with networkType vlan',
    accepted: [
      subnets({ networkType: 'vlan', segmentationID: 1 }),
      subnets({ networkType: 'vlan', segmentationID: 4094 }),
    ],
    refused: [subnets({ networkType: 'vlan', segmentationID: 4095 })],
  },
  {
    kind: 'ShareNetwork',
    message: 'with networkType vxlan',
    accepted: [subnets({ networkType: 'vxlan', segmentationID: 16777215 })],
    refused: [subnets({ networkType: 'vxlan', segmentationID: 16777216 })],
  },
  {
    kind: 'ShareNetwork',
    message: "must be an address of the subnet's cidr",
    accepted: [subnets({ gateway: '10.0.0.254' }), flat({ cidr: '2001:db8::/64', gateway: '2001:db8::1' })],
    refused: [subnets({ gateway: '10.0.1.1' }), subnets({ gateway: '2001:db8::1' })],
  },
  {
    kind: 'ShareNetwork',
    message: "must lie within the subnet's cidr",
    accepted: [subnets({ allocationRanges: ['10.0.0.0-10.0.0.255', '10.0.0.0/24'] })],
    refused: [
      subnets({ allocationRanges: ['10.0.0.200-10.0.1.10'] }),
      subnets({ allocationRanges: ['10.0.0.0/23'] }),
      subnets({ allocationRanges: ['2001:db8::1-2001:db8::9'] }),
    ],
  },
  {
    kind: 'ShareNetwork',
    message: 'at most one subnet of each availabilityZone',
    accepted: [subnets({}, { name: 'b', availabilityZone: 'zone-b' }, { name: 'c', availabilityZone: 'zone-c' })],
    refused: [
      subnets({}, { name: 'b' }),
      subnets({ availabilityZone: 'zone-b' }, { name: 'b', availabilityZone: 'zone-b' }),
    ],
  },
  {
    kind: 'StorageBackend',
    message: 'driver dummy is configured by',
    accepted: [{ dummy: { latency: '150ms' } }],
    refused: [{ dummy: undefined }, { driver: 'samba', samba }],
  },
  {
    kind: 'StorageBackend',
    message: 'driver cephfs is configured by',
    accepted: [{ driver: 'cephfs', dummy: undefined, cephfs }],
    refused: [{ driver: 'cephfs', dummy: undefined }, { cephfs }],
  },
  {
    kind: 'StorageBackend',
    message: 'is the name of a Ceph user without client.',
    accepted: [{ driver: 'cephfs', dummy: undefined, cephfs: { ...cephfs, user: 'client' } }],
    refused: [{ driver: 'cephfs', dummy: undefined, cephfs: { ...cephfs, user: 'client.admin' } }],
  },
  {
    kind: 'StorageBackend',
    message: 'needs ids or prefixes',
    accepted: [onCephFS({ reservedIDs: [{ ids: ['manila'] }] })],
    refused: [onCephFS({ reservedIDs: [{}] })],
  },
  {
    kind: 'StorageBackend',
    message: 'spec.cephfs.reservedIDs',
    accepted: [
      onCephFS({ reservedIDs: [{ ids: ['manila', 'a b'] }, { prefixes: ['ops-'], namespaces: { from: 'All' } }] }),
    ],
    refused: [
      onCephFS({ reservedIDs: [{ ids: [] }] }),
      onCephFS({ reservedIDs: [{ ids: ['client.manila'] }] }),
      onCephFS({ reservedIDs: [{ prefixes: [''] }] }),
      onCephFS({ reservedIDs: [{ prefixes: ['-x'] }] }),
      onCephFS({ reservedIDs: [{ prefixes: ['ops-'], namespaces: { from: 'Selector' } }] }),
    ],
  },
  {
    kind: 'StorageBackend',
    message: 'spec.cephfs.monitors',
    accepted: [
      { driver: 'cephfs', dummy: undefined, cephfs: { ...cephfs, monitors: ['mon-a.example:3300', '[2001:db8::1]'] } },
    ],
    refused: [{ driver: 'cephfs', dummy: undefined, cephfs: { ...cephfs, monitors: [] } }],
  },
  {
    kind: 'StorageBackend',
    message: 'driver samba is configured by',
    accepted: [onSamba({})],
    refused: [{ driver: 'samba', dummy: undefined }, { samba }],
  },
  {
    kind: 'StorageBackend',
    message: 'spec.samba.hosts',
    accepted: [
      onSamba({ hosts: [sambaHost, { ...sambaHost, name: 'filer-b', port: 2222, user: 'sharenet' }] }),
      onHost({ address: '2001:db8::1' }),
      onHost({ address: 'filer-a.example' }),
    ],
    refused: [
      onSamba({ hosts: [] }),
      onSamba({ hosts: [sambaHost, sambaHost] }),
      onHost({ name: 'Filer/A' }),
      onHost({ address: '-oProxyCommand=x' }),
      onHost({ port: 0 }),
      onHost({ user: 'a b' }),
      onHost({ hostKey: 'SHA256:AAAA' }),
      onHost({ root: '/srv/../etc' }),
      onHost({ interface: 'br0;reboot' }),
    ],
  },
  {
    kind: 'StorageBackend',
    message: 'spec.samba.deniedRanges',
    accepted: [onSamba({ deniedRanges: ['10.0.0.0/8', '2001:db8::/32'] })],
    refused: [onSamba({ deniedRanges: ['10.0.0.1/8'] }), onSamba({ deniedRanges: ['10.0.0.0/8', '10.0.0.0/8'] })],
  },
  {
    kind: 'StorageBackend',
    message: 'the last range ends beyond 4294967294',
    accepted: [onSamba({ idmap: {} }), onSamba({ idmap: { first: 65536, size: 10000, count: 100000 } })],
    refused: [onSamba({ idmap: { first: 4294967294 } }), onSamba({ idmap: { size: 5000000 } })],
  },
  {
    kind: 'StorageBackend',
    message: 'a driver named vendor.example/name',
    accepted: [{ ...custom, parameters: { any: { depth: [1, 'two'] } } }],
    refused: [custom, { parameters: {} }],
  },
  {
    kind: 'StorageBackend',
    message: 'operationTimeout must be',
    accepted: [{ operationTimeout: '150ms' }, { operationTimeout: '1m30s' }],
    refused: [{ operationTimeout: '0s' }, { operationTimeout: '25h', changeTimeout: '26h' }],
  },
  {
    kind: 'StorageBackend',
    message: 'changeTimeout must not',
    accepted: [{ operationTimeout: '90s', changeTimeout: '1.5m' }],
    refused: [{ operationTimeout: '11m' }, { changeTimeout: '59s' }, { changeTimeout: '169h' }],
  },
  {
    kind: 'StorageBackend',
    message: 'unusedShareServerTimeout must',
    accepted: [{ unusedShareServerTimeout: '0s' }, { unusedShareServerTimeout: '8760h' }],
    refused: [{ unusedShareServerTimeout: '8761h' }],
  },
  {
    kind: 'StorageBackend',
    message: 'latency must be',
    accepted: [{ dummy: { latency: '2s' } }],
    refused: [{ dummy: { latency: '25h' } }],
  },
  {
    kind: 'StorageBackend',
    message: 'from Selector needs',
    accepted: [
      { allowedNamespaces: { from: 'All' } },
      { allowedNamespaces: { from: 'Selector', selector: { matchLabels: { 'example.com/tier': 'gold' } } } },
    ],
    refused: [{ allowedNamespaces: { from: 'Selector' } }, { allowedNamespaces: { from: 'All', selector: {} } }],
  },
  {
    kind: 'StorageBackend',
    message: 'operators In and NotIn need',
    accepted: [selector({ operator: 'In', values: ['a', ''] }), selector({ operator: 'Exists' })],
    refused: [selector({ operator: 'NotIn' }), selector({ operator: 'DoesNotExist', values: ['a'] })],
  },
  {
    kind: 'StorageBackend',
    message: 'a flat network has no segmentation ids',
    accepted: [{ allowedSegments: [{ networkType: 'flat' }] }],
    refused: [{ allowedSegments: [{ networkType: 'flat', segmentationIDs: ['1'] }] }],
  },
  {
    kind: 'StorageBackend',
    message: 'must be a number or first-last',
    accepted: [segments('1', '100-199', '7-7')],
    refused: [segments('0'), segments('200-100'), segments('all'), segments('1-2-3'), segments('4294967296')],
  },
  {
    kind: 'StorageBackend',
    message: 'must be a network in CIDR notation',
    accepted: [{ allowedSegments: [{ networkType: 'flat', cidrs: ['10.0.0.0/8'] }] }],
    refused: [{ allowedSegments: [{ networkType: 'flat', cidrs: ['10.0.0.1/8'] }] }],
  },
];
