import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { findAssets } from '../kube/assets.ts';

const demo = join(import.meta.dirname, 'demo.ts');

let temporary: string;
let child: ChildProcess | undefined;
let printed: string;

// The first time this builds the programs.
beforeAll(() => findAssets((line) => process.stderr.write(`${line}\n`)), 1_200_000);

beforeEach(() => {
  temporary = mkdtempSync(join(tmpdir(), 'sharenet-demo-'));
  printed = '';
});

afterEach(() => {
  try {
    // The whole group: where a test failed the shell may be gone and the demo not.
    if (child?.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  } catch {
    // All of it has ended.
  }
  rmSync(temporary, { recursive: true, force: true });
});

interface Start {
  readonly program?: string;
  readonly args?: readonly string[];
  readonly MAKELEVEL?: string;
}

/** Starts the demo with a temporary folder of its own, by which everything that it starts can be told. */
function start({ program = process.execPath, args = [demo], MAKELEVEL }: Start = {}): ChildProcess {
  const { DEMO_EXIT: _exit, DRIVER: _driver, NODE_OPTIONS: _options, MAKELEVEL: _level, ...env } = process.env;
  child = spawn(program, args, {
    env: { ...env, TMPDIR: temporary, ...(MAKELEVEL === undefined ? {} : { MAKELEVEL }) },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      printed += text;
    });
  }
  return child;
}

/** Processes whose arguments name the demo's temporary folder. */
function processesHere(): string[] {
  const lines = execFileSync('ps', ['-eo', 'args='], { encoding: 'utf8', maxBuffer: 1e8 }).split('\n');
  return lines.filter((line) => line.includes(temporary));
}

async function expectNothingLeft(): Promise<void> {
  await vi.waitFor(
    () => {
      expect(processesHere()).toEqual([]);
      expect(readdirSync(temporary)).toEqual([]);
    },
    { timeout: 20_000 },
  );
}

test('it tells the whole story and leaves nothing behind', async () => {
  const [code] = await once(start({ args: [demo, '--exit'] }), 'close');
  expect(printed).toMatch(/scratch-batch +scratch +cephx +batch +rw +active +scratch-batch-access-key/);
  expect(printed).toMatch(/userKey: +40 bytes/);
  expect(printed).toMatch(/Error from server \(SecurityServiceNotFound\): .*ad-x/);
  expect(printed).toMatch(/^1 net-1 +network_change /m);
  expect(printed).toMatch(/^2 net-1-\w+ +net-1 +dummy +network_change /m);
  expect(printed).toContain('"domain":"b.example.com"');
  expect(printed).toMatch(/SecurityServicesUpToDate=False UpdateFailed/);
  expect(printed).toMatch(/lastNetworkChange: Failed on \["net-1-\w+"\]/);
  expect(printed).toMatch(/projects-alice +projects +user +alice +rw +error/);
  expect(printed).toMatch(/updateShareServerSecurityService +net-1-\w+ +ok/);
  expect(printed).toMatch(/net-1-\w+ +active +ad-a +NotAttempted/);
  expect(printed).toMatch(/Error from server \(Forbidden\)/);
  expect(printed).toMatch(/StatusReset +ShareNetwork\/net-1 +phase was set from network_change to active/);
  expect(printed).toMatch(/secret\/scratch-batch-access-key condition met/);
  expect(printed.trimEnd()).toMatch(/Stopped; nothing is left behind\.$/);
  expect(code).toBe(0);
  expect(processesHere()).toEqual([]);
  expect(readdirSync(temporary)).toEqual([]);
}, 400_000);

async function isUnderWay(): Promise<void> {
  await vi.waitFor(() => expect(printed).toContain('tenant$ kubectl wait shareaccess'), { timeout: 120_000 });
}

test('ended in the middle by a signal, it leaves nothing behind', async () => {
  const running = start();
  const closed = once(running, 'close');
  await isUnderWay();
  running.kill('SIGTERM');
  const [code] = await closed;
  expect(code).toBe(130);
  expect(printed).not.toContain('failed');
  await expectNothingLeft();
}, 200_000);

test('it ends with the shell in which make runs it', async () => {
  const shell = start({ program: '/bin/sh', args: ['-c', `${process.execPath} ${demo}; true`], MAKELEVEL: '1' });
  const closed = once(shell, 'close');
  await isUnderWay();
  shell.kill('SIGTERM');
  // Its output is closed by the last process that has it.
  await closed;
  expect(printed).toContain('Stopped; nothing is left behind.');
  await expectNothingLeft();
}, 200_000);

test.each([
  [['--quick'], {}, '--quick'],
  [[], { DRIVER: 'cephfs' }, 'DRIVER=cephfs'],
])(
  '%j with %j is refused in one line',
  async (args, environment, named) => {
    const refused = spawn(process.execPath, [demo, ...args], {
      env: { ...process.env, ...environment },
      stdio: 'pipe',
    });
    let said = '';
    refused.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    const [code] = await once(refused, 'close');
    expect({ code, lines: said.trimEnd().split('\n') }).toEqual({ code: 2, lines: [expect.stringContaining(named)] });
  },
  30_000,
);
