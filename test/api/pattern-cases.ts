import type { FormatCase } from './cases.ts';
import { certificate } from './certificate.ts';
import { onCephFS } from './format-cases.ts';
import { subnets } from './valid-specs.ts';

type Change = Readonly<Record<string, unknown>>;

/** A text of a field by which values are judged, with the specs that have it. */
interface Texts {
  readonly message: string;
  readonly accepted: readonly string[];
  readonly refused: readonly string[];
  readonly fields: readonly (readonly [FormatCase['kind'], (text: string) => Change])[];
}

const sambaHost = {
  name: 'filer-a',
  address: '192.0.2.10',
  hostKey: `ssh-ed25519 ${'A'.repeat(68)}`,
  root: '/srv/sharenet',
  interface: 'br0',
};
const onSamba = (changes: Change): Change => ({
  driver: 'samba',
  dummy: undefined,
  samba: { hosts: [sambaHost], credentialsSecretName: 'filers', ...changes },
});
const onHost = (changes: Change): Change => onSamba({ hosts: [{ ...sambaHost, ...changes }] });

const texts: readonly Texts[] = [
  {
    message: 'must be the name of an object: lower-case letters',
    accepted: ['a', 'corp-join.v2', 'x'.repeat(253)],
    refused: ['Corp', 'a_b', '-a', 'a.', 'a..b', 'a/b'],
    fields: [
      ['SecurityService', (name) => ({ passwordSecretRef: { name } })],
      ['ShareAccess', (shareName) => ({ shareName })],
      ['ShareNetwork', (name) => ({ securityServices: [{ type: 'ldap', name }] })],
      ['Share', (shareNetworkName) => ({ shareNetworkName })],
      ['ShareServer', (backendName) => ({ backendName })],
      ['StorageBackend', (credentialsSecretName) => onSamba({ credentialsSecretName })],
    ],
  },
  {
    message: 'must be lower-case letters, digits and "-"',
    accepted: ['a', 'filer-a', '0'],
    refused: ['Filer', 'a.b', '-a', 'a-'],
    fields: [
      ['ShareNetwork', (name) => subnets({ name })],
      ['ShareServer', (subnetName) => ({ subnetName })],
      ['StorageBackend', (name) => onHost({ name })],
    ],
  },
  {
    message: 'must be letters, digits, "-", "_" and "."',
    accepted: ['a', 'password.2', '_x-'],
    refused: ['a b', 'a/b'],
    fields: [['SecurityService', (key) => ({ passwordSecretRef: { name: 'a', key } })]],
  },
  {
    message: 'must be letters, digits, "-", "_" and ".", with a letter or digit at both ends',
    accepted: ['a', 'Zone_1.b'],
    refused: ['a b', '-a', 'a.'],
    fields: [
      ['ShareNetwork', (availabilityZone) => subnets({ availabilityZone })],
      ['Share', (availabilityZone) => ({ availabilityZone })],
    ],
  },
  {
    message: 'must be a host name or an address, with a port where needed',
    accepted: ['dc1.corp.test', 'dc1.corp.test.', '10.0.0.1:636', '[2001:db8::1]:636', '2001:db8::1', 'ldaps://dc1'],
    refused: ['-x', '@x', 'a b', 'a%b', 'a\nb', 'http://dc1', 'ldaps://', 'ldap://dc1/o=x', 'ldaps://-x'],
    fields: [['SecurityService', (server) => ({ servers: [server] })]],
  },
  {
    message: 'must be certificates in PEM',
    accepted: [certificate, `\n${certificate}\n${certificate.replaceAll('\n', '\r\n')}`],
    refused: ['x', `${certificate}x`, certificate.replaceAll('CERTIFICATE', 'PRIVATE KEY')],
    fields: [['SecurityService', (caBundle) => ({ type: 'ldap', tls: { caBundle } })]],
  },
  {
    message: 'must not begin with "-", "@" or white space',
    accepted: ['corp.test', 'CORP\\joiner', 'OU=A \\+ B', 'é'],
    refused: ['-x', '@x', ' x', 'a%b', 'a\nb', 'a\u200bb'],
    fields: [['SecurityService', (user) => ({ user, domain: user, ou: user })]],
  },
  {
    message: 'must not contain control characters, line breaks or invisible characters',
    accepted: ['10.0.0.1'],
    refused: ['10.0.0.1\n', 'a\u202eb'],
    fields: [['ShareAccess', (accessTo) => ({ accessTo })]],
  },
  {
    message: 'must be dummy, cephfs, samba, or the name of another driver',
    accepted: ['vendor.example/filer'],
    refused: ['vendor', 'Vendor.example/filer', 'vendor.example/'],
    fields: [['StorageBackend', (driver) => ({ driver, dummy: undefined, parameters: {} })]],
  },
  {
    message: 'must be an absolute path without "%"',
    accepted: ['/var/lib/dummy'],
    refused: ['var/lib', '/a%b'],
    fields: [['StorageBackend', (stateDirectory) => ({ dummy: { stateDirectory } })]],
  },
  {
    message: 'must be a number of bytes, or one with a unit',
    accepted: ['10Gi', '2e9', '1.5G', '1048576'],
    refused: ['10 Gi', '10GiB', 'ten', '-1Gi'],
    fields: [['Share', (size) => ({ size })]],
  },
  {
    message: 'must be a duration',
    accepted: ['90s', '15m', '1h30m', '1.5h'],
    refused: ['90', '1 minute', '1d', 'PT1H', '-1s'],
    fields: [
      ['StorageBackend', (latency) => ({ dummy: { latency } })],
      ['StorageBackend', (operationTimeout) => ({ operationTimeout, changeTimeout: '24h' })],
      ['StorageBackend', (changeTimeout) => ({ changeTimeout })],
      ['StorageBackend', (unusedShareServerTimeout) => ({ unusedShareServerTimeout })],
    ],
  },
  {
    message: 'must be three octal digits',
    accepted: ['0755', '700'],
    refused: ['0788', '7', 'rwx'],
    fields: [['StorageBackend', (mode) => onCephFS({ mode })]],
  },
  {
    message: 'must be letters, digits, "-", "_" and ".", beginning with a letter or digit',
    accepted: ['cephfs', 'a-b_c.d'],
    refused: ['-a', 'a b', 'a/b'],
    fields: [
      ['StorageBackend', (user) => onCephFS({ user })],
      ['StorageBackend', (fsName) => onCephFS({ fsName })],
      ['StorageBackend', (group) => onCephFS({ group })],
      ['StorageBackend', (clusterID) => onCephFS({ clusterID })],
    ],
  },
  {
    message: 'must be printable ASCII characters',
    accepted: ['admin', 'team-a/'],
    refused: ['-a', 'a%b', 'é'],
    fields: [
      ['StorageBackend', (id) => onCephFS({ reservedIDs: [{ ids: [id] }] })],
      ['StorageBackend', (prefix) => onCephFS({ reservedIDs: [{ prefixes: [prefix] }] })],
    ],
  },
  {
    message: 'must be letters',
    accepted: ['createShare'],
    refused: ['create-share', 'a b'],
    fields: [['StorageBackend', (operation) => ({ dummy: { faults: [{ operation, kind: 'hang' }] } })]],
  },
  {
    message: 'must be letters, digits, "-" and "_", beginning with a letter or digit',
    accepted: ['WORKGROUP', 'a_b-c'],
    refused: ['-a', 'a.b', 'a b'],
    fields: [['StorageBackend', (workgroup) => onSamba({ workgroup })]],
  },
  {
    message: 'must be a host name or an address, an IPv6 address without brackets',
    accepted: ['filer-a.example', '192.0.2.10', '2001:db8::1'],
    refused: ['-x', '[2001:db8::1]', 'a b'],
    fields: [['StorageBackend', (address) => onHost({ address })]],
  },
  {
    message: 'must be the name of a user: lower-case letters',
    accepted: ['root', '_sharenet-1'],
    refused: ['Root', '1a', 'a b'],
    fields: [['StorageBackend', (user) => onHost({ user })]],
  },
  {
    message: 'must be an absolute path of plain names',
    accepted: ['/srv/share.net_1'],
    refused: ['srv', '/srv/', '/srv/../etc', '/srv/a b'],
    fields: [['StorageBackend', (root) => onHost({ root })]],
  },
  {
    message: 'must be the name of a network interface',
    accepted: ['br0', 'eth0.100'],
    refused: ['br0;reboot', '-a'],
    fields: [['StorageBackend', (device) => onHost({ interface: device })]],
  },
  {
    message: 'hostKey must be a public key of an SSH server',
    accepted: [
      sambaHost.hostKey,
      `${sambaHost.hostKey} root@filer-a`,
      `${sambaHost.hostKey}\n`,
      `filer-a,192.0.2.10 ${sambaHost.hostKey}`,
      `[filer-a]:2222 ${sambaHost.hostKey}`,
      `|1|c2FsdA==|aGFzaA== ${sambaHost.hostKey}`,
      `ecdsa-sha2-nistp256 ${'A'.repeat(68)}=`,
    ],
    refused: ['A'.repeat(68), 'ssh-dss AAAA', `@cert-authority * ${sambaHost.hostKey}`, 'ssh-ed25519 A%A'],
    fields: [['StorageBackend', (hostKey) => onHost({ hostKey })]],
  },
  {
    message: 'hostKey is a fingerprint',
    accepted: [sambaHost.hostKey],
    refused: ['SHA256:uKvoNHKEIZ3ToBR7x5OFwTqvAF6w8Y4ihsAUGK3wWQo', 'MD5:00:11'],
    fields: [['StorageBackend', (hostKey) => onHost({ hostKey })]],
  },
  {
    message: 'hostKey has more than one line',
    accepted: [`${sambaHost.hostKey}\n`],
    refused: [`${sambaHost.hostKey}\n${sambaHost.hostKey}`],
    fields: [['StorageBackend', (hostKey) => onHost({ hostKey })]],
  },
];

/** The rules that say in words what a pattern means. */
export const patternCases: readonly FormatCase[] = texts.flatMap(({ message, accepted, refused, fields }) =>
  fields.map(([kind, change]) => ({
    kind,
    message,
    accepted: accepted.map(change),
    refused: refused.map(change),
  })),
);
