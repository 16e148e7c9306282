import { execFile, spawn } from 'node:child_process';
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { type Log, withProgress } from '../../kube/progress.ts';

/** Debian's, for which the packages below bring their modules; another that is first on the PATH has none of them. */
export const python = '/usr/bin/python3';

const packages = ['ceph-mon', 'ceph-mgr', 'ceph-osd', 'ceph-mds', 'librados2', 'python3-cephfs', 'python3-rados'];
const programs = ['ceph-mon', 'ceph-mgr', 'ceph-osd', 'ceph-mds', 'monmaptool'];
const folders = ['/usr/bin', '/usr/sbin', '/usr/local/bin', '/usr/local/sbin'];
const aptGet = '/usr/bin/apt-get';

async function executable(file: string): Promise<boolean> {
  return access(file, constants.X_OK).then(
    () => true,
    () => false,
  );
}

/** What of Ceph is missing on this machine, for a person; empty when a cluster can be started. */
async function missing(): Promise<readonly string[]> {
  const absent: string[] = [];
  for (const program of programs) {
    const found = await Promise.all(folders.map((folder) => executable(`${folder}/${program}`)));
    if (!found.includes(true)) absent.push(program);
  }
  const modules = promisify(execFile)(python, ['-c', 'import cephfs, rados'], { timeout: 30_000 });
  await modules.catch(() => absent.push('the Python modules cephfs and rados'));
  return absent;
}

/** Whether a Ceph cluster can be started here. */
export type CephPackages =
  /** All that is needed is there. */
  | { readonly state: 'installed' }
  /** This system has no apt-get: its own packages of Ceph, if there are any, have to be installed by a person. */
  | { readonly state: 'unsupported'; readonly reason: string };

/**
 * Looks for what a small cluster and its clients need, and installs from Debian or Ubuntu what is missing.
 *
 * @throws where there is an apt-get which can't be used or fails; the message says what to do
 */
export async function installCeph(log: Log): Promise<CephPackages> {
  const absent = await missing();
  if (absent.length === 0) return { state: 'installed' };
  const lacking = `Ceph is not installed (${absent.join(', ')})`;
  if (!(await executable(aptGet))) {
    return { state: 'unsupported', reason: `${lacking}, and it is installed automatically on Debian and Ubuntu only` };
  }
  if (process.getuid?.() !== 0) {
    throw new Error(`${lacking}: run as root: apt-get install --no-install-recommends ${packages.join(' ')}`);
  }
  let line = '';
  const apt = (...args: string[]) =>
    runAptGet(args, (text) => {
      line = text;
    });
  await withProgress(
    log,
    `installing Ceph with apt-get (once; about 65 MB and a minute): ${packages.join(' ')}`,
    () => line.slice(0, 100),
    async () => {
      await twice(() => apt('update'));
      await twice(() => apt('install', '--yes', '--no-install-recommends', ...packages));
    },
  );
  const still = await missing();
  if (still.length > 0) throw new Error(`apt-get installed ${packages.join(' ')}, but there is no ${still.join(', ')}`);
  return { state: 'installed' };
}

/** apt-get fails now and then for what is gone a moment later: a mirror, or another apt-get that holds a lock. */
async function twice(step: () => Promise<void>): Promise<void> {
  try {
    await step();
  } catch {
    await delay(5_000);
    await step();
  }
}

async function runAptGet(args: readonly string[], onLine: (line: string) => void): Promise<void> {
  // Another apt-get may be at work, such as the one that looks for upgrades.
  const child = spawn(aptGet, ['-o', 'DPkg::Lock::Timeout=300', '-o', 'Acquire::Retries=3', ...args], {
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C.UTF-8' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const lines: string[] = [];
  for (const input of [child.stdout, child.stderr]) {
    createInterface({ input }).on('line', (line) => {
      lines.push(line);
      onLine(line);
    });
  }
  const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (...how) => resolve(how));
  });
  if (code === 0) return;
  const told = lines.filter((line) => /^(?:E|dpkg): /.test(line)).slice(0, 4);
  const why = told.length > 0 ? told : lines.slice(-2);
  throw new Error(`apt-get ${args[0]} ended with ${signal ?? `code ${code}`}: ${why.join(' | ')}`);
}
