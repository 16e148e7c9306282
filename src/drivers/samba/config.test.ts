import { expect, test } from 'vitest';
import { sambaConfigSchema } from './config.ts';
import { hostKeyFault, parseHostKey } from './ssh/keys.ts';

const hostKey = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFCuaJ98mjkISR7wkK1MqDM9tqSL6DCX8ReNAQ7GXBUm root@filer-a';
const host = { name: 'filer-a', address: '192.0.2.10', hostKey, root: '/srv/sharenet', interface: 'br0' };
const config = { hosts: [host], credentialsSecretName: 'filers' };

const accepts = (changes: object): boolean => sambaConfigSchema.safeParse({ ...config, ...changes }).success;
const acceptsHost = (changes: object): boolean => accepts({ hosts: [{ ...host, ...changes }] });

test('a configuration gets the defaults', () => {
  expect(sambaConfigSchema.parse(config)).toEqual({
    hosts: [{ ...host, port: 22, user: 'root' }],
    credentialsSecretName: 'filers',
    workgroup: 'WORKGROUP',
    deniedRanges: [],
    idmap: { first: 100_000_000, size: 1_000_000, count: 1000 },
    updateDNS: true,
    standaloneServers: false,
  });
  expect(sambaConfigSchema.parse({ ...config, idmap: { count: 2 } }).idmap).toEqual({
    first: 100_000_000,
    size: 1_000_000,
    count: 2,
  });
});

test.each(['filer-a.example', '192.0.2.10', '2001:db8::1'])('the address %s is accepted', (address) => {
  expect(acceptsHost({ address })).toBe(true);
});

test.each([
  ['no hosts', { hosts: [] }],
  ['two hosts of one name', { hosts: [host, host] }],
  ['an unknown field', { colour: 'red' }],
  ['a workgroup that NetBIOS does not take', { workgroup: 'A GROUP WITH SPACES' }],
  ['a denied range with host bits', { deniedRanges: ['10.0.0.1/8'] }],
  ['a denied address', { deniedRanges: ['10.0.0.1'] }],
  ['more ids than there are', { idmap: { first: 4_294_000_000 } }],
  ['ids of users of the host', { idmap: { first: 1000 } }],
])('%s is refused', (_, changes) => {
  expect(accepts(changes)).toBe(false);
});

test.each([
  ['a name that is a path', { name: '../a' }],
  ['an address in brackets', { address: '[2001:db8::1]' }],
  ['an address that is an option', { address: '-oProxyCommand=x' }],
  ['a fingerprint in the place of a key', { hostKey: 'SHA256:uKvoNHKEIZ3ToBR7x5OFwTqvAF6w8Y4ihsAUGK3wWQo' }],
  ['two keys', { hostKey: `${hostKey}\n${hostKey}` }],
  ['the key of an authority', { hostKey: `@cert-authority * ${hostKey}` }],
  ['a key that is cut', { hostKey: hostKey.slice(0, 40) }],
  ['a key of a kind that says something else', { hostKey: hostKey.replace('ssh-ed25519', 'ssh-rsa') }],
  ['a root that leaves itself', { root: '/srv/../etc' }],
  ['the root of the host', { root: '/' }],
  ['a relative root', { root: 'srv' }],
  ['an interface that is a command', { interface: 'br0;reboot' }],
])('a host with %s is refused', (_, changes) => {
  expect(acceptsHost(changes)).toBe(false);
});

test.each([
  `filer-a ${hostKey}`,
  `[filer-a]:2222,[192.0.2.10]:2222 ${hostKey}`,
  `|1|c2FsdA==|aGFzaA== ${hostKey}`,
  `${hostKey}\n`,
  hostKey.replaceAll(' ', '  '),
])('the key of a host may be written as %j', (line) => {
  expect(acceptsHost({ hostKey: line })).toBe(true);
  expect(parseHostKey(line)?.publicKey).toEqual(parseHostKey(hostKey)?.publicKey);
});

test.each([
  ['SHA256:uKvoNHKEIZ3ToBR7x5OFwTqvAF6w8Y4ihsAUGK3wWQo', 'is a fingerprint'],
  [`${hostKey}\n${hostKey}`, 'has more than one line'],
  [`@revoked * ${hostKey}`, 'is a marked line of known_hosts'],
  ['-----BEGIN OPENSSH PRIVATE KEY-----', 'is a private key'],
  ['AAAA', 'must be a public key of an SSH server'],
])('what is wrong with the key %j is said in words', (line, words) => {
  expect(hostKeyFault(line)).toContain(words);
});
