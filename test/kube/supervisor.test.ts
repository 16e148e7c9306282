import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { findAssets } from './assets.ts';
import { SupervisedPrograms } from './supervised-programs.ts';

const stderr = (line: string) => process.stderr.write(`${line}\n`);

vi.setConfig({ testTimeout: 60_000 });

let temporary: string;
const parents: ChildProcess[] = [];

beforeAll(() => findAssets(stderr), 1_200_000);

beforeEach(() => {
  temporary = mkdtempSync(join(tmpdir(), 'sharenet-supervisor-'));
});

afterEach(() => {
  for (const parent of parents.splice(0)) {
    parent.kill('SIGKILL');
  }
  rmSync(temporary, { recursive: true, force: true });
});

function processes(): { pid: number; parent: number; command: string }[] {
  return execFileSync('ps', ['-eo', 'pid=,ppid=,args='], { encoding: 'utf8', maxBuffer: 1e8 })
    .split('\n')
    .flatMap((line) => {
      const [, pid, parent, command] = line.match(/^\s*(\d+)\s+(\d+)\s+(.*)$/) ?? [];
      return command === undefined ? [] : [{ pid: Number(pid), parent: Number(parent), command }];
    });
}

/** The programs of control planes under this test's folder: their arguments name it. */
const programsHere = () => processes().filter(({ command }) => command.includes(temporary));

/** Runs code that starts a control plane, in a process of its own with the temporary folder of this test. */
function startParent(args: readonly string[]): ChildProcess {
  const parent = spawn(process.execPath, args, {
    env: { ...process.env, TMPDIR: temporary, NODE_OPTIONS: '' },
    stdio: ['ignore', 'pipe', 'pipe'],
    // The leader of a process group, as a shell makes it of a command: Ctrl-C goes to the whole group.
    detached: true,
  });
  parents.push(parent);
  return parent;
}

const cli = join(import.meta.dirname, 'cli.ts');
const startThen = (code: string) => [
  '--input-type=module',
  '--eval',
  `import { startControlPlane } from ${JSON.stringify(join(import.meta.dirname, 'control-plane.ts'))};
   const plane = await startControlPlane();
   console.log('export started');
   ${code}`,
];

async function firstLine(parent: ChildProcess): Promise<string> {
  if (parent.stdout === null) {
    throw new Error('the process has no output');
  }
  const [line] = await once(createInterface({ input: parent.stdout }), 'line');
  return String(line);
}

async function expectNothingLeft(supervisors: readonly number[] = []): Promise<void> {
  await vi.waitFor(
    () => {
      expect(programsHere()).toEqual([]);
      expect(readdirSync(temporary)).toEqual([]);
      expect(processes().filter(({ pid }) => supervisors.includes(pid))).toEqual([]);
    },
    { timeout: 10_000 },
  );
}

const supervisorsHere = () => [...new Set(programsHere().map(({ parent }) => parent))];

test('a parent killed by SIGKILL leaves no process and no folder', async () => {
  const parent = startParent([cli, 'up']);
  expect(await firstLine(parent)).toMatch(/^export KUBECONFIG=/);
  const supervisors = supervisorsHere();
  expect(programsHere()).toHaveLength(3);
  expect(supervisors).toHaveLength(1);
  parent.kill('SIGKILL');
  await expectNothingLeft(supervisors);
});

test.each([50, 400, 1000])('a parent killed %i ms after the first sign of its start leaves nothing', async (moment) => {
  const parent = startParent([cli, 'up']);
  await vi.waitFor(() => expect(readdirSync(temporary)).toHaveLength(1), { timeout: 10_000, interval: 10 });
  await new Promise((resolve) => setTimeout(resolve, moment));
  parent.kill('SIGKILL');
  await expectNothingLeft();
});

test('Ctrl-C ends `up` with code 0 after nothing is left', async () => {
  const parent = startParent([cli, 'up']);
  await firstLine(parent);
  const supervisors = supervisorsHere();
  process.kill(-(parent.pid ?? 0), 'SIGINT');
  const [code] = await once(parent, 'exit');
  expect(code).toBe(0);
  // Not polled: when the command has ended everything is gone already.
  expect(programsHere()).toEqual([]);
  expect(readdirSync(temporary)).toEqual([]);
  await expectNothingLeft(supervisors);
});

test.each([
  ['an uncaught exception', "setTimeout(() => { throw new Error('crash'); }, 10);", 1],
  ['process.exit without a stop', 'process.exit(3);', 3],
  ['nothing more to do', '', 0],
])('a parent that ends by %s leaves nothing', async (_name, code, expected) => {
  const parent = startParent(startThen(code));
  const exited = once(parent, 'exit');
  await firstLine(parent);
  expect((await exited)[0]).toBe(expected);
  await expectNothingLeft();
});

test('when the supervisor itself is killed its programs end and the folder goes', async () => {
  const programs = await SupervisedPrograms.open();
  const pid = await programs.start('sleeper', 'sleep', ['600'], join(programs.directory, 'log'));
  const supervisor = processes().find((process) => process.pid === pid)?.parent;
  process.kill(supervisor ?? 0, 'SIGKILL');
  await vi.waitFor(() => {
    expect(processes().filter((process) => process.pid === pid && !process.command.includes('defunct'))).toEqual([]);
    expect(existsSync(programs.directory)).toBe(false);
  });
  await expect(programs.signal('sleeper', 'SIGTERM')).rejects.toThrow('has been stopped');
  await programs.close();
});

test('a program that cannot be executed is an error and one that ends tells how', async () => {
  const programs = await SupervisedPrograms.open();
  const log = join(programs.directory, 'log');
  await expect(programs.start('absent', '/nonexistent/program', [], log)).rejects.toThrow('ENOENT');
  await programs.start('failing', 'sh', ['-c', 'exit 7'], log);
  await vi.waitFor(() => expect(programs.exit('failing')).toBe('with code 7'));
  expect(programs.pid('failing')).toBeUndefined();
  await programs.close();
});
