import { afterEach, beforeAll, expect, test, vi } from 'vitest';
import { findAssets } from '../kube/assets.ts';
import { DemoProcess, type DemoStart, demoEntry } from './demo-process.ts';

let demo: DemoProcess | undefined;

// The first time this builds the programs.
beforeAll(() => findAssets((line) => process.stderr.write(`${line}\n`)), 1_200_000);

afterEach(() => demo?.clear());

function start(how?: DemoStart): DemoProcess {
  demo = new DemoProcess(how);
  return demo;
}

async function underWay(how?: DemoStart): Promise<DemoProcess> {
  const running = start(how);
  await running.prints('tenant$ kubectl wait shareaccess');
  return running;
}

test('it tells the whole story and leaves nothing behind', async () => {
  const running = start({ args: [demoEntry, '--exit'] });
  const code = await running.ended;
  const { printed } = running;
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
  expect(running.remains()).toEqual([]);
}, 400_000);

test('ended in the middle by a signal, it leaves nothing behind', async () => {
  const running = await underWay();
  running.signal('SIGTERM');
  expect(await running.ended).toBe(130);
  expect(running.printed).not.toContain('failed');
  await vi.waitFor(() => expect(running.remains()).toEqual([]), 20_000);
}, 200_000);

test('it ends with the shell in which make runs it', async () => {
  const args = ['-c', `${process.execPath} ${demoEntry}; true`];
  const running = await underWay({ program: '/bin/sh', args, env: { MAKELEVEL: '1' } });
  running.signal('SIGTERM');
  await running.ended;
  expect(running.printed).toContain('Stopped; nothing is left behind.');
  await vi.waitFor(() => expect(running.remains()).toEqual([]), 20_000);
}, 200_000);

test.each<[string[], Record<string, string>, string]>([
  [['--quick'], {}, '--quick'],
  [[], { DRIVER: 'floppy' }, 'DRIVER=floppy: there is no demo of such a driver, only of dummy, cephfs, samba'],
  [[], { DRIVER: 'toString' }, 'DRIVER=toString'],
])(
  '%j with %j is refused in one line',
  async (args, env, named) => {
    const refused = start({ args: [demoEntry, ...args], env });
    expect(await refused.ended).toBe(2);
    expect(refused.printed.trimEnd().split('\n')).toEqual([expect.stringContaining(named)]);
  },
  30_000,
);
