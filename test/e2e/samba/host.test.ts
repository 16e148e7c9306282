import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { newServer, startHost } from './host-calls.ts';

const sources = join(import.meta.dirname, '../../../hosts/samba');

const { host, calls } = await startHost();

test("the program's own unit tests pass", async () => {
  const argv = ['/usr/bin/python3', '-B', '-m', 'unittest', 'discover', '-s', join(sources, 'tests'), '-t', sources];
  const { code, stderr } = await host.machine.run(argv);
  expect(stderr).toMatch(/Ran [1-9]\d* tests/);
  expect(code, stderr).toBe(0);
});

test('a host tells its versions, capacity and what is missing', async () => {
  const described = await calls.succeed('describe-host', { interface: host.interface });
  expect(described).toMatchObject({
    programVersion: expect.stringMatching(/^\d+\.\d+\.\d+$/),
    sambaVersion: expect.stringMatching(/^\d+\.\d+\.\d+$/),
    quota: 'none',
    systemd: false,
    problems: [],
  });
  const without = await calls.succeed('describe-host', { interface: 'absent0' });
  expect(without.problems).toEqual(['there is no network interface "absent0"']);
});

test('the key runs nothing but the program, whatever is asked for', async () => {
  for (const command of ['cat /etc/passwd', 'sh', 'sharenet-samba-host supervise /srv', '']) {
    const { output, code } = await calls.raw('root:x:0:0', command);
    expect(JSON.parse(output)).toMatchObject({ ok: false, error: { kind: 'Rejected', reason: 'RequestInvalid' } });
    expect(code).toBe(0);
  }
});

test.each([
  ['no JSON', '{"password": "hidden-1"', 'RequestInvalid'],
  ['no object', '["hidden-1"]', 'RequestInvalid'],
  ['deep JSON', '['.repeat(100_000), 'RequestInvalid'],
  ['another protocol', '{"protocol": 2, "verb": "hidden-1"}', 'ProtocolNotSupported'],
  ['an unknown verb', '{"protocol": 1, "verb": "hidden-1"}', 'VerbUnknown'],
  ['a private function', '{"protocol": 1, "verb": "__init__"}', 'VerbUnknown'],
  ['no deadline', '{"protocol": 1, "verb": "list"}', 'RequestInvalid'],
  ['no root', '{"protocol": 1, "verb": "list", "deadlineSeconds": 5}', 'RequestInvalid'],
])('a request with %s is refused and never echoed', async (_what, input, reason) => {
  const { output, code } = await calls.raw(input);
  expect(JSON.parse(output)).toMatchObject({ ok: false, error: { kind: 'Rejected', reason } });
  expect(output).not.toContain('hidden-1');
  expect(code).toBe(0);
});

test.each(['relative', '/', '/srv/../etc', '/srv/a b', '/srv/a\nb'])('the root %j is refused', async (root) => {
  const answer = await calls.call('list', { root });
  expect(answer).toMatchObject({ ok: false, error: { kind: 'Rejected', reason: 'RootInvalid' } });
});

test('a root whose file system is not mounted is told, and what is on it is not taken for gone', async () => {
  const root = '/srv/unmounted/sharenet';
  const object = { serverID: randomUUID(), shareID: randomUUID() };
  for (const verb of ['list', 'describe', 'share-remove', 'remove', 'start']) {
    const answer = await calls.call(verb, { root, ...object });
    expect(answer, verb).toMatchObject({ ok: false, error: { kind: 'Unavailable', reason: 'RootMissing' } });
  }
  const { code, stderr } = await host.machine.run(['sharenet-samba-host', 'start', root]);
  expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(/^RootMissing: .*mount its file system/) });
  expect((await host.machine.run(['test', '-e', '/srv/unmounted'])).code).toBe(1);
});

test('the key is good for no more than the file of the host allows', async () => {
  const file = '/etc/sharenet/samba.json';
  const allow = (value: unknown) => host.machine.run(['tee', file], { input: JSON.stringify(value) });
  const create = (server: unknown) =>
    calls.call('create', { interface: host.interface, server, securityServices: [], settings: {} });
  const server = newServer('10.77.0.64');
  await host.machine.succeed(['mkdir', '-p', '/etc/sharenet']);
  const other = `${host.root}-other`;
  await host.machine.succeed(['mkdir', '-m', '0700', other]);
  await allow({ roots: [host.root], interfaces: { [host.interface]: ['100-199'], eth0: ['flat'] } });
  expect(await calls.call('list', { root: other })).toMatchObject({ ok: false, error: { reason: 'RootNotAllowed' } });
  expect((await host.machine.run(['ls', other])).stdout).toBe('');
  expect(await create(server)).toMatchObject({ ok: false, error: { kind: 'Rejected', reason: 'SegmentNotAllowed' } });
  await allow({ roots: [host.root], interfaces: { eth0: ['flat'] } });
  expect(await create(server)).toMatchObject({ ok: false, error: { reason: 'InterfaceNotAllowed' } });
  const described = await calls.succeed('describe-host', { interface: host.interface });
  expect(described.problems).toEqual([expect.stringContaining(`"${host.interface}" is not among those`)]);
  await allow({ roots: [host.root] });
  const invalid = { ok: false, error: { kind: 'Unavailable', reason: 'HostRestrictionsInvalid' } };
  expect(await calls.call('list')).toMatchObject(invalid);
  await allow({ roots: [host.root], interfaces: { [host.interface]: ['flat'] } });
  expect(await create(server)).toMatchObject({ ok: true });
  await calls.succeed('remove', { serverID: server.id, securityServices: [] });
  await host.machine.succeed(['rm', file]);
});

test('a root that others may write to is refused', async () => {
  await host.machine.succeed(['install', '-d', '-m', '0777', '/srv/open']);
  const answer = await calls.call('list', { root: '/srv/open' });
  expect(answer).toMatchObject({ ok: false, error: { kind: 'Rejected', reason: 'RootUnsafe' } });
});

test.each([
  ['a server id', { id: '../../etc' }],
  ['a host name', { hostname: 'a;b' }],
  ['a long host name', { hostname: 'ABCDEFGHIJKLMNOP' }],
  ['no addresses', { allocations: [] }],
  [
    'a loopback address',
    { allocations: [{ ipAddress: '127.0.0.1', prefixLength: 8, networkType: 'flat', subnetName: 's' }] },
  ],
  [
    'a gateway of the other family',
    {
      allocations: [
        { ipAddress: '10.77.0.9', prefixLength: 24, networkType: 'flat', subnetName: 's', gateway: 'fd00::1' },
      ],
    },
  ],
])('a server with %s that can not be is refused and leaves nothing', async (_what, wrong) => {
  const server = newServer('10.77.0.60', wrong);
  const answer = await calls.call('create', { interface: host.interface, server, securityServices: [], settings: {} });
  expect(answer).toMatchObject({ ok: false, error: { kind: 'Rejected' } });
  expect(await calls.succeed('list')).toEqual({ servers: [] });
});

test.each([
  ['vxlan', 'NetworkTypeNotSupported'],
  ['vlan', 'BridgeWithoutVLANs'],
])('a subnet of type %s that the host can not join is refused, and can be removed', async (networkType, reason) => {
  const allocations = [
    { ipAddress: '10.77.0.61', prefixLength: 24, networkType, segmentationID: 100, subnetName: 'deep' },
  ];
  const server = newServer('10.77.0.61', { allocations });
  const answer = await calls.call('create', { interface: host.interface, server, securityServices: [], settings: {} });
  expect(answer).toMatchObject({ ok: false, error: { kind: 'Rejected', reason } });
  await calls.succeed('remove', { serverID: server.id, securityServices: [] });
  expect(await calls.succeed('list')).toEqual({ servers: [] });
});

test('the program is installed again while share servers run', async () => {
  const server = await calls.createServer('10.77.0.62');
  const output = await host.machine.succeed([join(sources, 'install.sh')]);
  expect(output).toContain('restrict,command=');
  const described = await calls.succeed('describe', { serverID: server.id });
  expect(described).toMatchObject({ exists: true, healthy: true });
  await calls.succeed('remove', { serverID: server.id, securityServices: [] });
});
