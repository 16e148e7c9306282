import { stat } from 'node:fs/promises';
import { inspect } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { CephCommands, CommandTarget } from '../../../src/drivers/cephfs/rados/commands.ts';
import { connectLibrados, type LibradosOptions } from '../../../src/drivers/cephfs/rados/librados.ts';
import { DriverError } from '../../../src/drivers/errors.ts';
import { eventually } from '../../faults/eventually.ts';
import { type CephLab, startCeph } from '../../labs/ceph/ceph-lab.ts';
import { newCephxKey } from '../../labs/ceph/cephx-key.ts';
import { radosProcesses } from './rados-processes.ts';

const mon: CommandTarget = { daemon: 'mon' };
const mgr: CommandTarget = { daemon: 'mgr' };
const fileSystems = { prefix: 'fs ls', format: 'json' };
const subvolumes = { prefix: 'fs subvolume ls', vol_name: 'cephfs', format: 'json' };

let lab: CephLab;
let commands: CephCommands;
const opened: CephCommands[] = [];

beforeAll(async () => {
  lab = await startCeph();
  commands = open();
  await commands.fsid(within(30_000));
});

afterEach(async () => {
  await lab.resume('mgr.x');
  await Promise.all(opened.splice(1).map((transport) => transport.close()));
});

afterAll(async () => {
  await commands?.close();
  await lab?.stop();
});

function open(options: Partial<LibradosOptions> = {}): CephCommands {
  const transport = connectLibrados({ monitors: lab.monitors, user: 'admin', key: lab.adminKey, ...options });
  opened.push(transport);
  return transport;
}

function within(timeoutMs: number, signal = new AbortController().signal) {
  return { timeoutMs, signal };
}

/** The failure of a call, and how long it took in milliseconds. */
async function failureOf(call: Promise<unknown>): Promise<{ error: DriverError; took: number }> {
  const start = performance.now();
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof DriverError)) throw new Error(`not a DriverError: ${inspect(error)}`);
  return { error, took: performance.now() - start };
}

describe('commands', () => {
  test('monitors, the manager and a metadata server answer', async () => {
    const answers = await Promise.all([
      commands.run(mon, fileSystems, within(10_000)),
      commands.run(mgr, subvolumes, within(10_000)),
      commands.run({ daemon: 'mds', name: 'a' }, { prefix: 'session ls', format: 'json' }, within(10_000)),
    ]);
    expect(answers.map(({ code }) => code)).toEqual([0, 0, 0]);
    expect(JSON.parse(answers[0].output)).toMatchObject([{ name: 'cephfs' }]);
    expect(JSON.parse(answers[1].output)).toEqual([]);
    expect(JSON.parse(answers[2].output)).toBeInstanceOf(Array);
  });

  test('the fsid is that of the cluster', async () => {
    expect(await commands.fsid(within(10_000))).toBe(lab.fsid);
  });

  test('a refusal is a result with its negative error number', async () => {
    const path = { prefix: 'fs subvolume getpath', vol_name: 'cephfs', sub_name: 'absent' };
    expect(await commands.run(mgr, path, within(10_000))).toMatchObject({ code: -2, output: '' });
    expect(await commands.run(mon, { prefix: 'no such command' }, within(10_000))).toMatchObject({ code: -22 });
    const evict = { prefix: 'session ls' };
    expect(await commands.run({ daemon: 'mds', name: 'absent' }, evict, within(10_000))).toMatchObject({ code: -2 });
  });

  test('what is not ASCII arrives as it was sent', async () => {
    const key = 'sharenet/tëst';
    const val = 'Grüße, 世界';
    await commands.run(mon, { prefix: 'config-key set', key, val }, within(10_000));
    expect((await commands.run(mon, { prefix: 'config-key get', key }, within(10_000))).output).toBe(val);
  });

  test('a hundred at once are answered, each with its own', async () => {
    const names = Array.from({ length: 100 }, (_, index) => `sharenet/${index}`);
    const run = (prefix: string, key: string) => commands.run(mon, { prefix, key, val: key }, within(30_000));
    await Promise.all(names.map((name) => run('config-key set', name)));
    const answers = await Promise.all(names.map((name) => run('config-key get', name)));
    expect(answers.map(({ output }) => output)).toEqual(names);
  });
});

describe('a manager that does not answer', () => {
  test('costs a command its time and nothing else', async () => {
    await lab.pause('mgr.x');
    // More than there are slots, and than the threads that files are read with.
    const hung = Array.from({ length: 20 }, () => failureOf(commands.run(mgr, subvolumes, within(1_500))));
    for (let count = 0; count < 5; count += 1) {
      const start = performance.now();
      expect((await commands.run(mon, fileSystems, within(1_000))).code).toBe(0);
      await stat('/tmp');
      expect(performance.now() - start).toBeLessThan(500);
    }
    for (const { error, took } of await Promise.all(hung)) {
      expect(error).toMatchObject({ kind: 'Unavailable', reason: 'CephTimeout' });
      expect(error.message).toContain('did not answer within 1.5 s');
      expect(took).toBeGreaterThan(1_400);
      expect(took).toBeLessThan(3_000);
    }
  });

  test('may answer late: commands go on, and the processes of those that hung have ended', async () => {
    await lab.pause('mgr.x');
    // As many as there are threads: none may be left to a command that hung.
    for (let wave = 0; wave < 4; wave += 1) {
      await Promise.all(Array.from({ length: 8 }, () => failureOf(commands.run(mgr, subvolumes, within(1_000)))));
      expect((await commands.run(mon, fileSystems, within(5_000))).code).toBe(0);
    }
    await lab.resume('mgr.x');
    for (let count = 0; count < 50; count += 1) {
      expect((await commands.run(mgr, subvolumes, within(10_000))).code).toBe(0);
    }
    await eventually('one process is left', async () => (await radosProcesses()).length === 1);
  });

  test('is distinguished from monitors that do not answer', async () => {
    const transport = open();
    await lab.pause('mon.a');
    try {
      const bounds = within(1_500);
      const both = await Promise.all([mon, mgr].map((target) => failureOf(transport.run(target, subvolumes, bounds))));
      expect(both.map(({ error }) => error.reason)).toEqual(['CephUnreachable', 'CephUnreachable']);
    } finally {
      await lab.resume('mon.a');
    }
    expect((await transport.run(mon, fileSystems, within(20_000))).code).toBe(0);
  });

  test('an abort ends the wait at once, with the rest untouched', async () => {
    await lab.pause('mgr.x');
    const stop = new AbortController();
    const other = commands.run(mgr, subvolumes, within(20_000));
    const aborted = failureOf(commands.run(mgr, subvolumes, within(20_000, stop.signal)));
    await commands.run(mon, fileSystems, within(5_000));
    stop.abort();
    const { error, took } = await aborted;
    expect(error).toMatchObject({ kind: 'Unavailable', reason: 'OperationAborted' });
    expect(took).toBeLessThan(2_000);
    await lab.resume('mgr.x');
    expect((await other).code).toBe(0);
    const early = await failureOf(commands.run(mon, fileSystems, within(5_000, AbortSignal.abort())));
    expect(early.error.reason).toBe('OperationAborted');
  });
});

describe('daemons that come back', () => {
  test('a command sent while the manager is gone is answered by the next', async () => {
    await commands.run(mgr, subvolumes, within(10_000));
    await lab.kill('mgr.x');
    const waiting = commands.run(mgr, subvolumes, within(60_000));
    await lab.startDaemon('mgr.x');
    // The module may answer that it is still loading.
    await waiting;
    await lab.healthy();
    expect((await commands.run(mgr, subvolumes, within(10_000))).code).toBe(0);
  });

  test('a command sent while the monitor is gone is answered when it is back', async () => {
    await lab.kill('mon.a');
    const waiting = commands.run(mon, fileSystems, within(60_000));
    const { error } = await failureOf(open().run(mon, fileSystems, within(10_000)));
    expect(error).toMatchObject({ kind: 'Unavailable', reason: 'CephUnreachable' });
    expect(error.detail).toContain(`${lab.monitors[0]}: ECONNREFUSED`);
    await lab.startDaemon('mon.a');
    expect((await waiting).code).toBe(0);
  });

  test('a metadata server that was restarted answers', async () => {
    const target: CommandTarget = { daemon: 'mds', name: 'a' };
    const list = { prefix: 'session ls', format: 'json' };
    await commands.run(target, list, within(10_000));
    await lab.kill('mds.a');
    await lab.startDaemon('mds.a');
    await lab.healthy();
    await eventually('it answers', async () => {
      const answer = await commands.run(target, list, within(2_000)).catch(() => undefined);
      return answer?.code === 0;
    });
  });

  test('a process that was killed fails its commands, and the next command has another', async () => {
    await lab.pause('mgr.x');
    const transport = open();
    const before = (await radosProcesses()).map(({ pid }) => pid);
    const hung = failureOf(transport.run(mgr, subvolumes, within(20_000)));
    await transport.run(mon, fileSystems, within(10_000));
    const [own] = (await radosProcesses()).filter(({ pid }) => !before.includes(pid));
    process.kill(own?.pid ?? 0, 'SIGKILL');
    expect((await hung).error).toMatchObject({ kind: 'Unavailable', reason: 'CephConnectionLost' });
    expect((await transport.run(mon, fileSystems, within(10_000))).code).toBe(0);
  });
});

describe('bad input', () => {
  const wrongKey = newCephxKey();

  test.each<[string, () => Partial<LibradosOptions>]>([
    ['a key of another user', () => ({ key: wrongKey })],
    ['a user that is not there', () => ({ user: 'nobody' })],
    ['what is no key', () => ({ key: 'not-a-key' })],
    ['an empty key', () => ({ key: '' })],
    ['a wrong key where one monitor is down', () => ({ key: wrongKey, monitors: ['127.0.0.1:1', ...lab.monitors] })],
  ])('%s is refused in some seconds', async (_what, options) => {
    const { error, took } = await failureOf(open(options()).run(mon, fileSystems, within(20_000)));
    expect(error).toMatchObject({ kind: 'Unavailable', reason: 'CephLoginFailed' });
    expect(took).toBeLessThan(10_000);
    const shown = inspect(error, { depth: 10, showHidden: true });
    for (const secret of [wrongKey, lab.adminKey, 'not-a-key']) expect(shown).not.toContain(secret);
  });

  test.each<[string, readonly string[]]>([
    ['no one listens', ['127.0.0.1:1']],
    ['a name that is not known', ['monitor.invalid:3300']],
    ['what is no address', ['%%%']],
  ])('monitors: %s', async (_what, monitors) => {
    const { error, took } = await failureOf(open({ monitors }).run(mon, fileSystems, within(20_000)));
    expect(error).toMatchObject({ kind: 'Unavailable', reason: 'CephUnreachable' });
    expect(error.detail).toContain(monitors[0]);
    expect(took).toBeLessThan(15_000);
  });

  test('one monitor of two is enough, and may be given by name', async () => {
    const byName = lab.monitors.map((monitor) => monitor.replace('127.0.0.1', 'localhost'));
    const transport = open({ monitors: ['127.0.0.1:1', ...byName] });
    expect((await transport.run(mon, fileSystems, within(10_000))).code).toBe(0);
  });

  test('without librados every command says what to install, without libcephfs only those to metadata servers', async () => {
    const none = open({ libraries: { rados: 'librados-absent.so.2' } });
    const { error } = await failureOf(none.run(mon, fileSystems, within(10_000)));
    expect(error).toMatchObject({ kind: 'Unavailable', reason: 'LibraryMissing' });
    expect(error.message).toContain('install the package librados2');
    const half = open({ libraries: { cephfs: 'libcephfs-absent.so.2' } });
    expect((await half.run(mon, fileSystems, within(10_000))).code).toBe(0);
    const sessions = half.run({ daemon: 'mds', name: 'a' }, { prefix: 'session ls' }, within(10_000));
    expect((await failureOf(sessions)).error.message).toContain('install the package libcephfs2');
  });
});

describe('the process with the login', () => {
  test('shows the key neither in its arguments nor in its environment, and opens no debugger on a signal', async () => {
    await commands.run(mon, fileSystems, within(10_000));
    const found = await radosProcesses();
    expect(found.length).toBeGreaterThan(0);
    for (const { commandLine, environment } of found) {
      expect(environment).toContain('UV_THREADPOOL_SIZE');
      expect(commandLine).toContain('--disable-sigusr1');
      expect(commandLine + environment).not.toContain(lab.adminKey);
    }
  });

  test('ends with close, also while a command hangs, and no command is taken after', async () => {
    const before = await radosProcesses();
    const transport = open();
    await transport.fsid(within(10_000));
    await lab.pause('mgr.x');
    const hung = failureOf(transport.run(mgr, subvolumes, within(20_000)));
    await transport.run(mon, fileSystems, within(10_000));
    await transport.close();
    expect((await hung).error.reason).toBe('CephConnectionLost');
    expect(await radosProcesses()).toHaveLength(before.length);
    const after = await failureOf(transport.run(mon, fileSystems, within(10_000)));
    expect(after.error.reason).toBe('CephConnectionLost');
  });
});
