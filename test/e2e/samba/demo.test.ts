import { randomUUID } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { afterEach, expect, test, vi } from 'vitest';
import { DemoProcess, type DemoStart, demoEntry } from '../../demo/demo-process.ts';

let demo: DemoProcess | undefined;

afterEach(() => demo?.clear());

function start(how: DemoStart = {}): DemoProcess {
  demo = new DemoProcess({ ...how, env: { ...how.env, DRIVER: 'samba' } });
  return demo;
}

/** What a lab would leave on this machine besides processes and temporary files. */
function traces(): readonly string[] {
  const inFolder = (folder: string): readonly string[] =>
    existsSync(folder) ? readdirSync(folder).map((name) => `${folder}/${name}`) : [];
  return [
    ...readFileSync('/proc/self/mountinfo', 'utf8').trimEnd().split('\n'),
    ...['/run/netns', '/sys/class/net', '/srv', '/usr/local/lib', '/usr/local/sbin'].flatMap(inFolder),
  ];
}

/** Processes with a text in their environment, and all that stem from them: daemons of a lab have another environment. */
function processesWith(marker: string): ReadonlyMap<string, string> {
  const children = new Map<string, string[]>();
  const found: string[] = [];
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const parent = /^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '';
      children.set(parent, [...(children.get(parent) ?? []), pid]);
      if (readFileSync(`/proc/${pid}/environ`, 'utf8').includes(marker)) found.push(pid);
    } catch {
      // It has ended.
    }
  }
  const all = new Map<string, string>();
  for (let pid = found.pop(); pid !== undefined; pid = found.pop()) {
    const begun = all.has(pid) ? undefined : begunOf(pid);
    if (begun === undefined) continue;
    all.set(pid, begun);
    found.push(...(children.get(pid) ?? []));
  }
  return all;
}

/** Name of a process and when it was started, by which it is told from another with the same id later. */
function begunOf(pid: string): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const afterName = stat.lastIndexOf(')');
    return `${stat.slice(stat.indexOf('(') + 1, afterName)} ${stat.slice(afterName + 2).split(' ')[19]}`;
  } catch {
    return undefined;
  }
}

test('the story of two domains is told without a password in it, and Ctrl-C leaves nothing behind', async () => {
  const before = traces();
  const marker = randomUUID();
  const running = start({ env: { SHARENET_DEMO_MARKER: marker } });
  await running.prints('Ctrl-C stops and removes all of it.', 500_000);
  const { printed } = running;
  expect(printed).toMatch(/filers +samba +True/);
  expect(printed).toMatch(/anna\$ smbclient .* -c 'get plan -'\nwritten by anna\n/);
  expect(printed).toMatch(/alice\$ smbclient .* -c 'ls'\n.*NT_STATUS_ACCESS_DENIED/);
  expect(printed).toMatch(/compatible: false PasswordRefused\n.*domain b\.test: password of 'joiner' refused/);
  expect(printed).toMatch(/compatible: true *\n.*sessions are cut/);
  expect(printed).toMatch(/^1 net-1 +network_change /m);
  expect(printed).toMatch(/^2 net-1-\w+ +net-1 +filers +network_change /m);
  expect(printed).toMatch(/bella\$ smbclient .* -c 'get report -'\nwritten by bella\n/);
  expect(printed).toMatch(/anna\$ smbclient .* -c 'ls'\n.*NT_STATUS_LOGON_FAILURE/);
  expect(printed).toMatch(/SecurityServicesUpToDate=False CredentialsChanged/);
  expect(printed).toMatch(/net-1-\w+ +net-1 +filers +error/);
  expect(printed).toMatch(/anna\$ smbclient .* -c 'get plan -'\nwritten by anna again\n/);
  const [story = '', invitation = ''] = printed.split('━━ Your turn');
  expect(story).not.toContain('Passw0rd');
  expect(invitation).toMatch(/smbclient/);
  const processes = processesWith(marker);
  const names = [...processes.values()].map((begun) => begun.replace(/ \d+$/, ''));
  // What is to be gone after Ctrl-C is seen now.
  expect(names).toEqual(expect.arrayContaining(['kube-apiserver', 'sshd', 'samba', 'smbd', 'winbindd', 'sleep']));
  running.pressCtrlC();
  expect(await running.ended).toBe(0);
  expect(running.printed.trimEnd()).toMatch(/Stopped; nothing is left behind\.$/);
  await vi.waitFor(() => {
    expect(running.remains()).toEqual([]);
    expect([...processes].filter(([pid, begun]) => begunOf(pid) === begun)).toEqual([]);
    expect(traces().filter((trace) => !before.includes(trace))).toEqual([]);
  }, 20_000);
}, 600_000);

test('where namespaces can not be made it says so and starts nothing', async () => {
  const withoutRights = ['--bounding-set=-all', '--inh-caps=-all', process.execPath, demoEntry];
  const refused = start({ program: 'setpriv', args: withoutRights });
  expect(await refused.ended).toBe(1);
  expect(refused.printed).toMatch(/The demo could not start: network namespaces .* root to make them/);
  expect(refused.printed).not.toContain('kube-apiserver');
  expect(refused.remains()).toEqual([]);
}, 60_000);
