import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { eventually } from '../../faults/eventually.ts';
import { CommandLineWatch } from './command-line-watch.ts';
import { allocation, newServer, startHost } from './host-calls.ts';

const { lab, host, calls } = await startHost();

const plain = { securityServices: [], settings: {} };

function shell(command: string): Promise<string> {
  return host.machine.succeed(['sh', '-c', command]);
}

async function withShare(address: string, more: Readonly<Record<string, unknown>> = {}) {
  const server = await calls.createServer(address, more);
  await host.addUser(server.id, 'alice', 2001, 'alice-1');
  const share = { id: randomUUID(), name: `share-${randomUUID()}`, size: 1 << 30 };
  await calls.succeed('share-add', { serverID: server.id, share });
  const rules = [{ id: 'r1', type: 'user', to: 'alice', level: 'rw' }];
  await calls.succeed('access-set', { serverID: server.id, shareID: share.id, rules });
  const login = { address, share: share.name, user: 'alice', password: 'alice-1' };
  const remove = async () => {
    await calls.succeed('share-remove', { serverID: server.id, shareID: share.id });
    await calls.succeed('remove', { serverID: server.id, securityServices: [] });
  };
  return { server, share, login, remove };
}

async function healthy(serverID: string): Promise<void> {
  await eventually(
    'the server is healthy',
    async () => (await calls.succeed('describe', { serverID })).healthy === true,
  );
}

test('create is repeated without effect, and remove leaves nothing', async () => {
  await calls.succeed('list');
  const present = () =>
    shell('ip -br link; ls /run/netns; ls -R /srv/sharenet/servers; ps axo args | grep -c [s]upervise || true');
  const before = await present();
  const server = newServer('10.77.0.70');
  const create = { interface: host.interface, server, ...plain };
  const first = await calls.succeed('create', create);
  expect(first).toMatchObject({ details: { hostname: server.hostname, addresses: '10.77.0.70' }, warnings: [] });
  const { stdout: pids } = await host.inServer(server.id, ['pgrep', 'smbd']);
  expect(await calls.succeed('create', create)).toEqual(first);
  expect((await host.inServer(server.id, ['pgrep', 'smbd'])).stdout).toBe(pids);
  expect(await calls.succeed('describe', { serverID: server.id })).toMatchObject({ exists: true, healthy: true });
  expect(await calls.succeed('list')).toMatchObject({
    servers: [{ id: server.id, name: server.name, addresses: ['10.77.0.70'], phase: 'ready', shares: [] }],
  });
  expect(await calls.succeed('remove', { serverID: server.id, securityServices: [] })).toEqual({ warnings: [] });
  expect(await calls.succeed('remove', { serverID: server.id, securityServices: [] })).toEqual({ warnings: [] });
  expect(await calls.succeed('describe', { serverID: server.id })).toMatchObject({ exists: false });
  await eventually('nothing is left', async () => (await present()) === before, 5_000);
});

test('a server of another owner is left alone by every verb', async () => {
  const server = await calls.createServer('10.77.0.71');
  const other = { owner: { installationID: 'installation-2', namespaceUID: 'x' }, serverID: server.id };
  const share = { id: randomUUID(), name: 'share-x', size: 1 };
  const attempts: readonly [string, Readonly<Record<string, unknown>>][] = [
    ['create', { ...other, interface: host.interface, server, ...plain }],
    ['describe', other],
    ['check', { ...other, newService: {}, shares: [] }],
    ['update-security-service', { ...other, server, newService: {} }],
    ['share-add', { ...other, share }],
    ['share-resize', { ...other, shareID: share.id, newSize: 1 }],
    ['share-describe', { ...other, shareID: share.id }],
    ['share-remove', { ...other, shareID: share.id }],
    ['access-set', { ...other, shareID: share.id, rules: [] }],
    ['remove', { ...other, securityServices: [] }],
  ];
  for (const [verb, members] of attempts) {
    const answer = await calls.call(verb, members);
    expect(answer, verb).toMatchObject({ ok: false, error: { kind: 'Rejected', reason: 'ForeignObject' } });
  }
  expect(await calls.succeed('describe', { serverID: server.id })).toMatchObject({ healthy: true });
  await calls.succeed('remove', { serverID: server.id, securityServices: [] });
});

test('an address that another machine or server has is not taken', async () => {
  const machine = await lab.addMachine('10.77.0.72/24');
  const server = newServer('10.77.0.72');
  const create = { interface: host.interface, server, ...plain };
  const refused = await calls.call('create', create);
  expect(refused).toMatchObject({
    ok: false,
    error: { kind: 'Rejected', reason: 'AddressInUse', partial: { details: { hostname: server.hostname } } },
  });
  // The other machine kept its address all the while.
  const knock = await lab.client.machine.run(['bash', '-c', '</dev/tcp/10.77.0.72/9']);
  expect(knock.stderr).toContain('Connection refused');
  await machine.stop();
  await calls.succeed('create', create);
  const second = newServer('10.77.0.72');
  const again = await calls.call('create', { interface: host.interface, server: second, ...plain });
  expect(again).toMatchObject({ ok: false, error: { kind: 'Rejected', reason: 'AddressInUse' } });
  for (const { id } of [second, server]) await calls.succeed('remove', { serverID: id, securityServices: [] });
});

test('an address of the host, or of a share server of another root, is not taken on any interface', async () => {
  // A veth stands for a network card here. What hangs on it does not see it, nor do servers on one bridge see each other.
  const card = ['ip link add nic0 type veth peer name nic1', 'ip link set nic0 up', 'ip link set nic1 master br0 up'];
  await shell([...card, 'ip addr add 10.77.0.96/24 dev nic0', 'ip addr add fd77::96/64 dev nic0 nodad'].join('; '));
  await shell('mkdir -m 0700 /srv/second');
  const second = { root: '/srv/second' };
  const present = newServer('10.77.0.97');
  await calls.succeed('create', { ...second, interface: host.interface, server: present, ...plain });
  const both = (ipv4: string, ipv6: string) => [allocation(ipv4), allocation(ipv6, { prefixLength: 64 })];
  const machine = await lab.addMachine('10.77.0.98/24');
  await machine.succeed(['ip', 'address', 'add', 'fd77::98/64', 'dev', 'eth0', 'nodad']);
  const attempts: readonly [string, string, readonly unknown[]][] = [
    ['the bridge that it is on', host.interface, [allocation('10.77.0.21')]],
    ['the card that it is on', 'nic0', [allocation('10.77.0.96')]],
    ['the card, IPv6', 'nic0', both('10.77.0.99', 'fd77::96')],
    ['another interface', host.interface, both('10.77.0.99', 'fd77::96')],
    ['another root', host.interface, [allocation('10.77.0.97')]],
    ['another root, the segment by another name', 'nic0', [allocation('10.77.0.97')]],
    ['another machine, IPv6', host.interface, both('10.77.0.99', 'fd77::98')],
  ];
  for (const [what, device, allocations] of attempts) {
    const server = newServer('', { allocations });
    const answer = await calls.call('create', { interface: device, server, ...plain });
    expect(answer, what).toMatchObject({ ok: false, error: { kind: 'Rejected', reason: 'AddressInUse' } });
    await calls.succeed('remove', { serverID: server.id, securityServices: [] });
  }
  await machine.stop();
  // When it is gone another root may have its address.
  await calls.succeed('remove', { ...second, serverID: present.id, securityServices: [] });
  const next = await calls.createServer('10.77.0.97');
  await calls.succeed('remove', { serverID: next.id, securityServices: [] });
  await shell('ip link delete nic0');
});

test('servers reach neither each other nor what the host has', async () => {
  const settings = { deniedRanges: ['10.99.0.0/16', '10.77.0.30/32'] };
  const create = { interface: host.interface, securityServices: [], settings };
  const allocations = [
    allocation('10.77.0.73', { gateway: '10.77.0.1' }),
    allocation('fd77::73', { prefixLength: 64 }),
  ];
  const one = newServer('10.77.0.73', { allocations });
  await calls.succeed('create', { ...create, server: one });
  const two = await calls.createServer('10.77.0.74');
  const inside = (command: string) => host.inServer(one.id, ['sh', '-c', command]);
  // On the segment, but not from one share server to another of the host.
  expect((await inside('ip route get 10.77.0.21')).code).toBe(0);
  const probe = 'import socket; socket.create_connection(("10.77.0.74", 445), 2)';
  expect((await inside(`python3 -c '${probe}'`)).code).not.toBe(0);
  // Denied ranges have no way out, also inside the subnet; nor has the address where clouds give credentials.
  for (const denied of ['10.99.1.2', '10.77.0.30', '169.254.169.254']) {
    expect((await inside(`ip route get ${denied}`)).stderr, denied).toContain('Permission denied');
  }
  expect((await inside('ip -br addr | grep -v ^lo')).stdout).toMatch(
    /^eth0\S* +UP +10\.77\.0\.73\/24 fd77::73\/64 fe80/,
  );
  // Nothing of the host: users, keys, resolver, other servers, processes.
  const { stdout: files } = await inside('cat /etc/passwd /etc/resolv.conf; ls / /etc; ls /srv /home /etc/ssh 2>&1');
  expect(files).not.toMatch(/shadow|ssh_host|www-data|nameserver/);
  const { stdout: processes } = await inside('ps axo args');
  expect(processes).not.toContain('supervise');
  expect(processes).not.toContain(two.id);
  // What is secret is closed to the host's users, and the programs can't be changed from inside.
  const modes = await shell(
    `cd /srv/sharenet/servers/${one.id}; stat -c '%a %n' . state.json private etc/samba/smb.conf`,
  );
  expect(modes).toBe('700 .\n600 state.json\n700 private\n600 etc/samba/smb.conf\n');
  expect((await inside('touch /usr/x /program/x /x 2>&1')).stdout.match(/Read-only file system/g)).toHaveLength(3);
  for (const { id } of [one, two]) await calls.succeed('remove', { serverID: id, securityServices: [] });
});

test('denied ranges that change reach a running server, and its clients go on', async () => {
  // A router that also has the addresses beyond it.
  const router = await lab.addMachine('10.77.0.120/24');
  await router.succeed(['ip', 'address', 'add', 'fd77::120/64', 'dev', 'eth0', 'nodad']);
  for (const each of ['10.99.0.1/32', '203.0.113.9/32', '168.63.129.16/32', 'fd99::1/128', 'fd20:ce::254/128']) {
    await router.succeed(['ip', 'address', 'add', each, 'dev', 'lo']);
  }
  const allocations = [
    allocation('10.77.0.88', { gateway: '10.77.0.120' }),
    allocation('fd77::88', { prefixLength: 64, gateway: 'fd77::120' }),
  ];
  const { server, login, remove } = await withShare('10.77.0.88', { allocations });
  const serverID = server.id;
  const script = `import json, socket, sys
def reached(address):
    try:
        socket.create_connection((address, 9), 5)
    except ConnectionRefusedError:
        return True
    except PermissionError:
        return False
print(json.dumps([each for each in sys.argv[1:] if reached(each)]))`;
  const beyond = ['10.99.0.1', '203.0.113.9', 'fd99::1'];
  const here = ['10.77.0.120', '10.77.0.30', 'fd77::120'];
  const clouds = ['168.63.129.16', 'fd20:ce::254'];
  const reached = async () => {
    const { stdout } = await host.inServer(serverID, ['python3', '-c', script, ...beyond, ...here, ...clouds]);
    expect((await lab.client.run(login, 'ls')).code).toBe(0);
    return JSON.parse(stdout);
  };
  const deny = (...deniedRanges: readonly string[]) =>
    calls.succeed('describe', { serverID, settings: { deniedRanges } });
  const pids = async () => (await host.inServer(serverID, ['pgrep', '-o', 'smbd'])).stdout;
  const before = await pids();
  expect(await reached()).toEqual([...beyond, ...here]);
  // Those that contain the server's own subnet deny the rest.
  await deny('10.0.0.0/8', 'fd00::/8', '203.0.113.0/24');
  expect(await reached()).toEqual(here);
  await deny('0.0.0.0/0', '::/0');
  expect(await reached()).toEqual(here);
  // Those within it count there; through a denied router the rest is reached.
  await deny('10.77.0.120/32', 'fd77::120/128', '10.77.0.64/26');
  expect(await reached()).toEqual([...beyond, '10.77.0.30']);
  await deny();
  expect(await reached()).toEqual([...beyond, ...here]);
  // As a former version left it.
  const namespace = `sn-${serverID.replaceAll('-', '').slice(0, 12)}`;
  await shell(`ip -n ${namespace} rule del priority 100; ip -n ${namespace} route add prohibit 203.0.113.0/24`);
  await deny('10.99.0.0/16');
  expect(await reached()).toEqual(['203.0.113.9', 'fd99::1', ...here]);
  expect(await pids()).toBe(before);
  await host.reboot();
  await calls.succeed('start', { serverID });
  await healthy(serverID);
  expect(await reached()).toEqual(['203.0.113.9', 'fd99::1', ...here]);
  await remove();
  await router.stop();
});

test('the daemons of a server can not change its network', async () => {
  const { id } = await calls.createServer('10.77.0.84');
  const { stdout } = await host.inServer(id, ['sh', '-c', 'cat /proc/$(pgrep -o smbd)/status']);
  const value = (name: string) => BigInt(`0x${new RegExp(`^${name}:\\s*([0-9a-f]+)$`, 'm').exec(stdout)?.[1]}`);
  const [netAdmin, netRaw, sysModule, sysPtrace] = [12n, 13n, 16n, 19n];
  for (const capability of [netAdmin, netRaw, sysModule, sysPtrace]) {
    for (const set of ['CapEff', 'CapBnd']) expect((value(set) >> capability) & 1n, `${set} ${capability}`).toBe(0n);
  }
  expect(stdout).toMatch(/^NoNewPrivs:\s*1$/m);
  await calls.succeed('remove', { serverID: id, securityServices: [] });
});

test('daemons that die are started again, and so is a whole server', async () => {
  const { server, login, remove } = await withShare('10.77.0.75');
  await lab.client.run(login, 'mkdir kept');
  await host.inServer(server.id, ['pkill', '-KILL', '-o', 'smbd']);
  const answers = async () => (await lab.client.run(login, 'ls')).stdout.includes('kept');
  await eventually('smbd is back', answers);
  // Killed from the host's side: pid 1 takes no signal from inside.
  const kill = (process: string) =>
    shell(`kill -KILL $(ps axo pid,args | awk '/[s]haren.*host ${process} .*${server.id}/ {print $1}')`);
  await kill('init');
  await eventually('the server is back', answers);
  await healthy(server.id);
  // Without its keeper it goes on, and has one again from the next start.
  await kill('supervise');
  expect(await answers()).toBe(true);
  expect(await calls.succeed('start', { serverID: server.id })).toMatchObject({ failed: {} });
  await kill('init');
  await eventually('the server is back', answers);
  await remove();
});

test('after a reboot of the host start brings the servers back with their data', async () => {
  const { server, login, remove } = await withShare('10.77.0.76');
  await lab.client.run(login, 'mkdir kept');
  await host.reboot();
  expect(await calls.succeed('describe', { serverID: server.id })).toMatchObject({
    exists: true,
    healthy: false,
    reason: 'ServerNotRunning',
  });
  expect(await calls.succeed('start')).toEqual({ running: [server.id], failed: {} });
  await healthy(server.id);
  expect((await lab.client.run(login, 'ls')).stdout).toContain('kept');
  await remove();
});

test.each([
  ['damaged', ['truncate', '-s', '20']],
  ['missing', ['rm']],
])('a server whose stored state is %s stops no other, and nothing is guessed about it', async (_what, damage) => {
  const [broken, sound] = [await calls.createServer('10.77.0.85'), await calls.createServer('10.77.0.86')];
  const folder = `/srv/sharenet/servers/${broken.id}`;
  const state = `${folder}/state.json`;
  const share = { id: randomUUID(), name: `share-${randomUUID()}`, size: 1 << 20 };
  await calls.succeed('share-add', { serverID: broken.id, share });
  await host.machine.succeed(['tee', `${folder}/shares/${share.id}/kept`], { input: 'kept' });
  const { stdout: text } = await host.machine.run(['cat', state]);
  await host.machine.succeed([...damage, state]);
  for (const [verb, members] of [
    ['create', { interface: host.interface, server: broken, ...plain }],
    ['describe', { serverID: broken.id }],
    ['share-remove', { serverID: broken.id, shareID: share.id }],
    ['remove', { serverID: broken.id, securityServices: [] }],
  ] as const) {
    const answer = await calls.call(verb, members);
    expect(answer).toMatchObject({ ok: false, error: { kind: 'Internal', reason: 'StateUnreadable' } });
  }
  expect((await calls.succeed('list')).servers).toEqual(
    expect.arrayContaining([
      { id: broken.id, problem: expect.any(String) },
      expect.objectContaining({ id: sound.id, phase: 'ready' }),
    ]),
  );
  const started = await calls.succeed('start');
  expect(started).toMatchObject({ running: [sound.id], failed: { [broken.id]: expect.any(String) } });
  const third = await calls.createServer('10.77.0.87');
  await host.machine.succeed(['tee', state], { input: text });
  expect(await host.machine.succeed(['cat', `${folder}/shares/${share.id}/kept`])).toBe('kept');
  await calls.succeed('share-remove', { serverID: broken.id, shareID: share.id });
  for (const { id } of [broken, sound, third]) await calls.succeed('remove', { serverID: id, securityServices: [] });
});

test('a server does not come back with an address that another machine took meanwhile', async () => {
  const server = await calls.createServer('10.77.0.77');
  await host.reboot();
  const machine = await lab.addMachine('10.77.0.77/24');
  const started = await calls.succeed('start', { serverID: server.id });
  expect(started).toMatchObject({ running: [], failed: { [server.id]: expect.stringContaining('AddressInUse') } });
  await machine.stop();
  expect(await calls.succeed('start', { serverID: server.id })).toEqual({ running: [server.id], failed: {} });
  await calls.succeed('remove', { serverID: server.id, securityServices: [] });
});

test('a call whose connection is cut comes to an end, and the next one finds a sound server', async () => {
  const server = newServer('10.77.0.78');
  const create = { interface: host.interface, server, ...plain };
  const cut = calls.start(calls.request('create', create));
  await eventually('the call is at work', async () => {
    const { code } = await host.machine.run(['test', '-e', `/srv/sharenet/servers/${server.id}/state.json`]);
    return code === 0;
  });
  cut.kill('SIGKILL');
  await calls.succeed('create', create);
  await healthy(server.id);
  await calls.succeed('remove', { serverID: server.id, securityServices: [] });
});

test.each([0.2, 0.5, 0.8, 1.1, 1.5])(
  'a create that is killed after %s s is mended by the next one',
  async (seconds) => {
    const server = newServer('10.77.0.79');
    const create = { interface: host.interface, server, ...plain };
    const input = calls.request('create', create);
    const program = '/usr/local/sbin/sharenet-samba-host';
    await host.machine.run(['timeout', '--signal=KILL', `${seconds}`, program], { input });
    await calls.succeed('create', create);
    await healthy(server.id);
    await calls.succeed('remove', { serverID: server.id, securityServices: [] });
  },
);

test('a second call on a server waits for the first, but not past its deadline', async () => {
  const server = await calls.createServer('10.77.0.80');
  const lock = `/srv/sharenet/locks/${server.id}.lock`;
  const holding = host.machine.run(['flock', lock, 'sleep', '3']);
  await eventually('the lock is held', async () => (await host.machine.run(['flock', '-n', lock, 'true'])).code !== 0);
  const busy = await calls.call('describe', { serverID: server.id, deadlineSeconds: 0.5 });
  expect(busy).toMatchObject({ ok: false, error: { kind: 'Unavailable', reason: 'Busy', retryAfterSeconds: 5 } });
  expect(await calls.succeed('describe', { serverID: server.id })).toMatchObject({ healthy: true });
  await holding;
  await calls.succeed('remove', { serverID: server.id, securityServices: [] });
});

test('a server on a physical interface gets a macvlan of it', async () => {
  // A veth stands for a network card here: it is no bridge.
  await shell('ip link add nic0 type veth peer name nic1; ip link set nic0 up; ip link set nic1 master br0 up');
  const server = newServer('10.77.0.81');
  await calls.succeed('create', { interface: 'nic0', server, ...plain });
  const { stdout } = await host.inServer(server.id, ['ip', '-d', 'link', 'show', 'eth0']);
  expect(stdout).toContain('macvlan mode private');
  const share = { address: '10.77.0.81', share: 'IPC$', user: 'nobody', password: 'x' };
  expect((await lab.client.run(share, 'ls')).stdout).toContain('NT_STATUS_LOGON_FAILURE');
  await calls.succeed('remove', { serverID: server.id, securityServices: [] });
  await shell('ip link delete nic0');
});

test('a server with shares is not removed', async () => {
  const { server, remove } = await withShare('10.77.0.82');
  const refused = await calls.call('remove', { serverID: server.id, securityServices: [] });
  expect(refused).toMatchObject({ ok: false, error: { kind: 'Rejected', reason: 'ServerNotEmpty' } });
  await healthy(server.id);
  await remove();
});

test('a password is on no command line, in no environment, in no answer and in no file of a server', async () => {
  const password = `Hidden-${randomUUID()}`;
  // The watch sees what is there to be seen.
  const control = await CommandLineWatch.start(host.machine, password);
  await host.machine.run(['sh', '-c', 'sleep 1', password]);
  expect(await control.end()).toBeGreaterThan(0);

  const watch = await CommandLineWatch.start(host.machine, password);
  const type = 'active_directory';
  const service = { id: randomUUID(), name: 'corp', type, domain: 'absent.test', user: 'joiner', password };
  const server = newServer('10.77.0.83');
  const securityServices = [{ ...service, dnsIPs: ['10.77.0.99'] }];
  const answer = await calls.call('create', { interface: host.interface, server, securityServices, settings: {} });
  expect(answer).toMatchObject({ ok: false, error: { kind: expect.not.stringMatching('Internal') } });
  expect(JSON.stringify(answer)).not.toContain(password);
  expect(await watch.end()).toBe(0);
  const { stdout } = await host.machine.run(['grep', '-rlF', '-f', '-', '/srv/sharenet'], { input: password });
  expect(stdout).toBe('');
  await calls.succeed('remove', { serverID: server.id, securityServices: [] });
});
