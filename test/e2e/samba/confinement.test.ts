import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { eventually } from '../../faults/eventually.ts';
import { startHost } from './host-calls.ts';

const { lab, host, calls } = await startHost();

const attemptsSchema = z.record(z.string(), z.union([z.string(), z.array(z.string())]));
const passwordHash = 'alice-1';
// chown, dac_override, fowner, fsetid, kill, setgid, setuid, net_bind_service
const capabilities = '00000000000004fb';

function shell(command: string): Promise<string> {
  return host.machine.succeed(['sh', '-c', command]);
}

function base(serverID: string): string {
  return join(host.root, 'servers', serverID);
}

/** A server with a share that alice may write to. */
async function withShare(address: string) {
  const server = await calls.createServer(address);
  await host.addUser(server.id, 'alice', 2001, passwordHash);
  const share = { id: randomUUID(), name: `share-${randomUUID()}`, size: 1 << 30 };
  await calls.succeed('share-add', { serverID: server.id, share });
  const rules = [{ id: 'r1', type: 'user', to: 'alice', level: 'rw' }];
  await calls.succeed('access-set', { serverID: server.id, shareID: share.id, rules });
  const login = { address, share: share.name, user: 'alice', password: passwordHash };
  const remove = async () => {
    await calls.succeed('share-remove', { serverID: server.id, shareID: share.id });
    await calls.succeed('remove', { serverID: server.id, securityServices: [] });
  };
  return { server, share, login, remove };
}

/** What the program on the host does with a command that it runs inside. */
async function runAsCommand(serverID: string, argv: readonly string[]): Promise<void> {
  const script = `
import os, sys
sys.path.insert(0, os.path.dirname(os.path.realpath("/usr/local/sbin/sharenet-samba-host")))
from sharenet_samba.deadline import Deadline
from sharenet_samba.instance import Instance
from sharenet_samba.layout import Layout
done = Instance(Layout(sys.argv[1]), sys.argv[2], Deadline(60)).run(sys.argv[3:], timeout=60)
sys.stderr.write(done.error_text)
sys.exit(done.code)`;
  await host.machine.succeed(['/usr/bin/python3', '-I', '-B', '-c', script, host.root, serverID, ...argv]);
}

test.each(['daemon', 'command'] as const)('root in a %s of a server gets nowhere', async (where) => {
  const { server, login, remove } = await withShare(where === 'daemon' ? '10.77.0.72' : '10.77.0.73');
  const script = await readFile(join(import.meta.dirname, 'intruder.py'), 'utf8');
  await host.machine.succeed(['tee', join(base(server.id), 'shares/intruder.py')], { input: script });
  const argv = ['/usr/bin/python3', '-I', '-B', '/shares/intruder.py', '/shares/result.json'];
  if (where === 'command') {
    await runAsCommand(server.id, argv);
  } else {
    const line = `\\troot preexec = ${argv.join(' ')}`;
    await shell(
      `cd ${base(server.id)}/etc/samba && sed -i 's|^\\[${login.share}\\]|&\\n${line}|' $(grep -rlF '[${login.share}]' .)`,
    );
    await host.inServer(server.id, ['smbcontrol', 'smbd', 'reload-config']);
    await lab.client.run(login, 'ls');
  }
  const result = attemptsSchema.parse(JSON.parse(await shell(`cat ${base(server.id)}/shares/result.json`)));
  const { status, mounts, processes, ...attempts } = result;
  const succeeded = Object.entries(attempts).filter(([, outcome]) => outcome === 'done');
  expect(succeeded).toEqual([]);
  expect(Object.keys(attempts).length).toBeGreaterThan(70);
  expect(attempts['writable in /proc']).toEqual([]);
  expect(attempts['control files']).toEqual([]);
  expect(mounts).toEqual([]);
  for (const set of ['CapEff', 'CapPrm', 'CapBnd']) expect(status).toContain(`${set}:\t${capabilities}\n`);
  for (const set of ['CapInh', 'CapAmb']) expect(status).toContain(`${set}:\t0000000000000000\n`);
  expect(status).toMatch(/^NoNewPrivs:\s*1$/m);
  expect(status).toMatch(/^Seccomp:\s*2$/m);
  expect(JSON.stringify(processes)).not.toMatch(/supervise|sshd|nsenter/);
  // The calls that are meant are refused by the filter, whatever capabilities a later version keeps.
  for (const name of ['mount tmpfs', 'ptrace', 'keyctl', 'open_by_handle_at', 'setns', 'unshare user', 'clone user']) {
    expect(attempts[name], name).toBe('EPERM');
  }
  for (const name of ['clone3', 'a call that is not known yet']) expect(attempts[name], name).toBe('ENOSYS');
  await remove();
});

test('the daemons have the rights that the intruder was tried with', async () => {
  const { server, remove } = await withShare('10.77.0.70');
  for (const pid of ['1', '$(pgrep -o smbd)']) {
    const { stdout } = await host.inServer(server.id, ['sh', '-c', `cat /proc/${pid}/status`]);
    for (const set of ['CapEff', 'CapPrm', 'CapBnd']) expect(stdout).toContain(`${set}:\t${capabilities}\n`);
    expect(stdout).toMatch(/^NoNewPrivs:\s*1$/m);
    expect(stdout).toMatch(/^Seccomp:\s*2$/m);
  }
  await remove();
});

test('what root inside planted leads the program to no file and no process of the host', async () => {
  const { server, share, login, remove } = await withShare('10.77.0.71');
  await lab.client.run(login, 'mkdir kept');
  await shell('mkdir -p /srv/victim/dir && echo untouched | tee /srv/victim/file /srv/victim/dir/smb.conf');
  // A process that a planted number names.
  await shell('(setsid sleep 1000 >/dev/null 2>&1 & echo $! >/srv/victim.pid)');
  await host.reboot();
  await shell('(setsid sleep 1000 >/dev/null 2>&1 & echo $! >/srv/victim.pid)');
  // In the former version etc and control could be written inside as well.
  await shell(`cd ${base(server.id)} && V=/srv/victim && PID=$(cat /srv/victim.pid)
    rm -rf etc/samba etc/ssl && ln -s $V/dir etc/samba && ln -s $V/dir etc/ssl
    for f in etc/krb5.conf etc/resolv.conf etc/ld.so.cache etc/services log/keeper.log control/keeper.log lib/private private/trial; do
      rm -rf $f && ln -s $V/file $f
    done
    rm -rf etc/hosts && mkfifo etc/hosts
    rm -f control/status.json && ln -s $V/file control/status.json`);
  const started = await calls.succeed('start', { serverID: server.id });
  expect(started).toEqual({ running: [server.id], failed: {} });
  await eventually('the share is served', async () => (await lab.client.run(login, 'ls')).stdout.includes('kept'));
  // The number of a process that is not the server's.
  await shell(`cd ${base(server.id)}/control && PID=$(cat /srv/victim.pid)
    printf '{"pid": %s, "daemons": {}}' $PID >status.json`);
  const answer = await calls.call('share-describe', { serverID: server.id, shareID: share.id });
  expect(answer).not.toMatchObject({ ok: false, error: { reason: 'ProgramFailed' } });
  await shell('kill -0 $(cat /srv/victim.pid)');
  expect(await shell('cat /srv/victim/file /srv/victim/dir/smb.conf')).toBe('untouched\nuntouched\n');
  expect(await shell('ls /srv/victim /srv/victim/dir')).toBe('/srv/victim:\ndir\nfile\n\n/srv/victim/dir:\nsmb.conf\n');
  await host.reboot();
  await remove();
});

test("clients reach the attribute of ACLs by no other way, and a former server's ACLs are moved into it", async () => {
  const { server, share, login, remove } = await withShare('10.77.0.74');
  const path = `//${login.address}/${login.share}`;
  const acls = (file: string, ...more: string[]) =>
    lab.client.machine.run(['smbcacls', path, file, '-U', `alice%${passwordHash}`, ...more]);
  await lab.client.run(login, 'mkdir deep; mkdir deep/er; put /etc/hostname deep/er/kept; put /etc/hostname planted');
  const narrowed = 'ACL:Everyone:ALLOWED/0x0/READ';
  expect((await acls('deep/er/kept', '--set', 'ACL:S-1-1-0:ALLOWED/0x0/READ')).code).toBe(0);
  expect((await acls('deep/er/kept')).stdout).toContain(narrowed);
  for (const name of ['NTACL', 'ntacl']) {
    expect((await lab.client.run(login, `setea deep ${name} x`)).stdout).toContain('NT_STATUS_ACCESS_DENIED');
  }
  expect((await lab.client.run(login, 'geteas deep/er/kept')).stdout).not.toMatch(/ntacl/i);
  // As the former version left it: in the protected attribute, with the other one free for clients.
  const directory = `${base(server.id)}/shares/${share.id}`;
  const python = (script: string) =>
    host.machine.succeed([
      '/usr/bin/python3',
      '-I',
      '-c',
      `import os, sys\nos.chdir(sys.argv[1])\n${script}`,
      directory,
    ]);
  await python(`
acl = os.getxattr("deep/er/kept", "user.NTACL")
os.setxattr("deep/er/kept", "security.NTACL", acl)
os.removexattr("deep/er/kept", "user.NTACL")
os.setxattr("planted", "user.NTACL", acl)
os.symlink("/etc/passwd", "link")
os.mkfifo("pipe")`);
  await host.reboot();
  await shell(`rm ${base(server.id)}/acl-attribute`);
  expect(await calls.succeed('start', { serverID: server.id })).toEqual({ running: [server.id], failed: {} });
  await eventually('the share is served', async () => (await acls('deep/er/kept')).stdout.includes(narrowed));
  expect((await acls('planted')).stdout).toContain('ACL:Everyone:ALLOWED/0x0/FULL');
  expect(await python('print(os.listxattr("deep/er/kept"))')).not.toContain('security.NTACL');
  await remove();
});

test('a server whose directories are nested without end is removed', async () => {
  const server = await calls.createServer('10.77.0.75');
  await host.machine.succeed([
    '/usr/bin/python3',
    '-I',
    '-c',
    'import os, sys\nos.chdir(sys.argv[1])\nfor _ in range(5000):\n os.mkdir("d")\n os.chdir("d")',
    `${base(server.id)}/lib`,
  ]);
  await calls.succeed('remove', { serverID: server.id, securityServices: [] });
  expect(await shell(`ls ${host.root}/servers`)).not.toContain(server.id);
});
