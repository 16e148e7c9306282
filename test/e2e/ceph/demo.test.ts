import { afterEach, expect, test, vi } from 'vitest';
import { DemoProcess } from '../../demo/demo-process.ts';

let demo: DemoProcess | undefined;

afterEach(() => demo?.clear());

function start(): DemoProcess {
  demo = new DemoProcess({ env: { DRIVER: 'cephfs' } });
  return demo;
}

/** Ctrl-C; nothing may be left of it then. @returns its exit code */
async function interrupt(running: DemoProcess): Promise<number | null> {
  running.pressCtrlC();
  const code = await running.ended;
  expect(running.printed).not.toContain('failed');
  await vi.waitFor(() => expect(running.remains()).toEqual([]), 20_000);
  return code;
}

test('the story of keys on a real Ceph shows no key, and runs on until Ctrl-C', async () => {
  const running = start();
  await running.prints('Ctrl-C stops and removes all of it.');
  const { printed } = running;
  expect(printed).toMatch(/scratch-batch +scratch +cephx +team-a-batch +rw +active +scratch-batch-access-key/);
  expect(printed).toMatch(/read \/report\nfirst line\n/);
  expect(printed).toMatch(/write \/report changed\nrefused: write: EACCES/);
  const cuts = printed.matchAll(/wrote \d+ times; (\d+) ms after the command was typed: refused, write: E\w+/g);
  expect([...cuts].map(([, elapsed]) => Number(elapsed) < 5000)).toEqual([true, true]);
  expect(printed).toMatch(/What is in the Secret is of no use now:\n\nresults-batch> mount .*\nrefused: mount: EACCES/);
  expect(printed).toMatch(/lastHandledReconcileAt(.*\n)*results-batch> mount .*\nmounted/);
  expect(printed).not.toMatch(/[A-Za-z0-9+/]{38}==/);
  expect(printed).toMatch(/^ +export CEPH_CONF=\/\S+\/ceph\.conf$/m);
  const remains = running.remains();
  // What is to be gone after Ctrl-C is seen now.
  for (const program of ['kube-apiserver', 'src/main.ts', 'rados-process.ts', 'ceph-mon', 'ceph_client.py']) {
    expect(remains.filter((line) => line.includes(program)).length).toBeGreaterThan(0);
  }
  expect(await interrupt(running)).toBe(0);
  expect(running.printed.trimEnd()).toMatch(/Stopped; nothing is left behind\.$/);
}, 200_000);

test.each([
  ['while the cluster starts', 'bin/sharenet-operator: ready'],
  ['while a client is being thrown out', 'tenant$ kubectl patch shareaccess scratch-batch'],
])(
  'Ctrl-C %s leaves nothing behind',
  async (_when, text) => {
    const running = start();
    await running.prints(text);
    expect(await interrupt(running)).toBe(130);
  },
  200_000,
);
