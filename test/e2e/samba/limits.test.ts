import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { eventually } from '../../faults/eventually.ts';
import { controlGroup, mountControlGroups } from './control-groups.ts';
import { startHost } from './host-calls.ts';

const { lab, host, calls } = await startHost();
await mountControlGroups(host);

function shell(command: string): Promise<string> {
  return host.machine.succeed(['sh', '-c', command]);
}

function base(serverID: string): string {
  return join(host.root, 'servers', serverID);
}

async function count(serverID: string, program: string): Promise<number> {
  return Number((await host.inServer(serverID, ['pgrep', '-c', program])).stdout);
}

test('the processes and commands of a server are in a group with limits, which root inside can not leave', async () => {
  const { id } = await calls.createServer('10.77.0.70');
  const group = (controller: 'pids' | 'memory') => controlGroup(controller, id);
  expect(await shell(`cat ${group('pids')}/pids.max`)).toBe('2048\n');
  const most = Number(await shell(`cat ${group('memory')}/memory.limit_in_bytes`));
  const total = 1024 * Number(await shell("awk '/^MemTotal/ {print $2}' /proc/meminfo"));
  expect(most / total).toBeGreaterThan(0.3);
  expect(most / total).toBeLessThan(0.35);
  const { stdout: members } = await host.inServer(id, ['sh', '-c', 'pgrep smbd | wc -l']);
  const processes = (await shell(`cat ${group('pids')}/cgroup.procs | wc -l`)).trim();
  expect(Number(processes)).toBeGreaterThan(Number(members));
  // A program that multiplies as far as it can.
  await shell(`echo 60 >${group('pids')}/pids.max`);
  await shell(`cat >${base(id)}/shares/multiply.py <<'END'
import os, time
made = 0
try:
    for _ in range(500):
        if os.fork() == 0:
            time.sleep(20)
            os._exit(0)
        made += 1
except OSError as cause:
    print("refused", cause.errno, made < 60)
for path in ("/sys/fs/cgroup", "/sys"):
    print(os.path.exists(path))
print(open("/proc/self/cgroup").read())
os.kill(0, 9)
END`);
  const script = `
import os, sys
sys.path.insert(0, os.path.dirname(os.path.realpath("/usr/local/sbin/sharenet-samba-host")))
from sharenet_samba.deadline import Deadline
from sharenet_samba.instance import Instance
from sharenet_samba.layout import Layout
run = ["/usr/bin/python3", "-u", "-I", "/shares/multiply.py"]
sys.stdout.write(Instance(Layout(sys.argv[1]), sys.argv[2], Deadline(60)).run(run, timeout=60).text)`;
  const output = await host.machine.succeed(['/usr/bin/python3', '-I', '-B', '-c', script, host.root, id]);
  expect(output).toContain('refused 11 True\nFalse\nFalse\n');
  // Of the host's groups it sees none.
  expect(output).not.toContain(id);
  await eventually('they are gone', async () => Number(await shell(`cat ${group('pids')}/cgroup.procs | wc -l`)) < 20);
  await calls.succeed('remove', { serverID: id, securityServices: [] });
  expect(await shell(`ls ${dirname(group('pids'))} ${dirname(group('memory'))}`)).not.toContain(id);
});

test('clients that connect and say nothing get a bounded number of processes, and others are served', async () => {
  const [flooded, other] = [await calls.createServer('10.77.0.71'), await calls.createServer('10.77.0.72')];
  const flood = `
import socket, time
sockets = []
for _ in range(600):
    sockets.append(socket.create_connection(("10.77.0.71", 445), 5))
open("/run/connected", "w").close()
time.sleep(50)`;
  const flooding = lab.client.machine.run(['python3', '-c', flood], { timeoutMs: 60_000 });
  const connected = ['test', '-e', '/run/connected'];
  await eventually('all connect', async () => (await lab.client.machine.run(connected)).code === 0, 30_000);
  await eventually('processes are made', async () => (await count(flooded.id, 'smbd')) >= 400, 30_000);
  expect(await count(flooded.id, 'smbd')).toBeLessThan(420);
  for (const { id } of [flooded, other]) {
    expect(await calls.succeed('describe', { serverID: id })).toMatchObject({ healthy: true });
  }
  const login = { address: '10.77.0.72', share: 'IPC$', user: 'nobody', password: 'x' };
  expect((await lab.client.run(login, 'ls')).stdout).toContain('NT_STATUS_LOGON_FAILURE');
  await lab.client.machine.run(['pkill', '-KILL', '-f', 'create_connection']);
  await flooding;
  await eventually('they end with their connections', async () => (await count(flooded.id, 'smbd')) < 20, 30_000);
  const { stdout } = await host.inServer(flooded.id, ['testparm', '-s', '--parameter-name=deadtime']);
  expect(stdout.trim()).toBe('15');
  for (const { id } of [flooded, other]) await calls.succeed('remove', { serverID: id, securityServices: [] });
});

test('a server whose own state grows without end is stopped, and no other', async () => {
  const [grown, other] = [await calls.createServer('10.77.0.73'), await calls.createServer('10.77.0.74')];
  await shell(`head -c 1100000000 /dev/zero >${base(grown.id)}/lib/registry.tdb`);
  await eventually(
    'it is stopped',
    async () => (await calls.succeed('describe', { serverID: grown.id })).reason === 'StateTooLarge',
    60_000,
  );
  expect(await calls.succeed('describe', { serverID: other.id })).toMatchObject({ healthy: true });
  const started = await calls.succeed('start', { serverID: grown.id });
  expect(started).toMatchObject({ failed: { [grown.id]: expect.stringContaining('StateTooLarge') } });
  for (const { id } of [grown, other]) await calls.succeed('remove', { serverID: id, securityServices: [] });
});
