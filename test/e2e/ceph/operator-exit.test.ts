import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { eventually } from '../../faults/eventually.ts';
import { type CephLab, startCeph } from '../../labs/ceph/ceph-lab.ts';
import { radosProcesses } from './rados-processes.ts';

const librados = join(import.meta.dirname, '../../../src/drivers/cephfs/rados/librados.ts');
const children: ChildProcess[] = [];
let lab: CephLab;

beforeAll(async () => {
  lab = await startCeph();
});

afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await lab.resume('mgr.x');
});

afterAll(() => lab?.stop());

/** A process that has logged in, has a command to the manager under way, and goes on with the code given. */
async function startProcess(code: string): Promise<ChildProcess> {
  const program = `
    import { connectLibrados } from ${JSON.stringify(librados)};
    const { monitors, key } = JSON.parse(process.env.LOGIN);
    const commands = connectLibrados({ monitors, user: 'admin', key });
    const bounds = { timeoutMs: 60_000, signal: new AbortController().signal };
    await commands.run({ daemon: 'mon' }, { prefix: 'fs ls' }, bounds);
    console.log('connected');
    await new Promise((resolve) => process.stdin.once('data', resolve));
    process.stdin.destroy();
    ${code}`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    env: { PATH: process.env.PATH, LOGIN: JSON.stringify({ monitors: lab.monitors, key: lab.adminKey }) },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  children.push(child);
  await once(createInterface({ input: child.stdout }), 'line');
  return child;
}

const hang = `commands.run({ daemon: 'mgr' }, { prefix: 'fs subvolume ls', vol_name: 'cephfs' }, bounds).catch(() => {});
    await commands.run({ daemon: 'mon' }, { prefix: 'fs ls' }, bounds);`;

test.each<[string, string, boolean, unknown[]]>([
  ['process.exit with a command that hangs', `${hang} process.exit(7);`, true, [7, null]],
  ['an uncaught exception with a command that hangs', `${hang} throw new Error('as meant');`, true, [1, null]],
  ['SIGKILL with a command that hangs', `${hang} process.kill(process.pid, 'SIGKILL');`, true, [null, 'SIGKILL']],
  ['having nothing more to do', '', false, [0, null]],
])('%s ends the process and its login', async (_how, code, paused, expected) => {
  const child = await startProcess(code);
  const pid = child.pid ?? 0;
  const login = (await radosProcesses(pid)).map((found) => found.pid);
  expect(login).toHaveLength(1);
  if (paused) await lab.pause('mgr.x');
  const start = performance.now();
  const exited = once(child, 'exit');
  child.stdin?.write('go\n');
  expect(await exited).toEqual(expected);
  expect(performance.now() - start).toBeLessThan(5_000);
  await eventually('the process with the login has ended', () => login.every((id) => !alive(id)), 5_000);
});

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
