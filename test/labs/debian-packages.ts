import { spawn } from 'node:child_process';
import { constants } from 'node:fs';
import { access, rm, writeFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { type Log, withProgress } from '../kube/progress.ts';

/** What a lab needs of the system. */
export interface NeededPackages {
  /** Name of the whole, such as `Ceph`. */
  readonly what: string;
  /** Packages of Debian and Ubuntu. */
  readonly packages: readonly string[];
  /** About how much is fetched and how long it takes, for a person. */
  readonly effort: string;
  /** What is missing on this machine, for a person; empty when the lab can be started. */
  missing(): Promise<readonly string[]>;
  /** The packages bring services that would start with the machine: they are installed only where nothing starts them. */
  readonly bringServices?: true;
}

/** Whether a lab can be started here. */
export type PackageState =
  /** Everything required is present. */
  | { readonly state: 'installed' }
  /** This system can't be given them: they have to be installed by a person, if there are any. */
  | { readonly state: 'unsupported'; readonly reason: string };

const folders = ['/usr/bin', '/usr/sbin', '/usr/local/bin', '/usr/local/sbin', '/bin', '/sbin'];
const aptGet = '/usr/bin/apt-get';
const systemd = '/run/systemd/system';
const startPolicy = '/usr/sbin/policy-rc.d';

/** Those programs that are in none of the system's folders. */
export async function missingPrograms(programs: readonly string[]): Promise<readonly string[]> {
  const absent: string[] = [];
  for (const program of programs) {
    const found = await Promise.all(folders.map((folder) => may(`${folder}/${program}`, constants.X_OK)));
    if (!found.includes(true)) absent.push(program);
  }
  return absent;
}

/**
 * Installs from Debian or Ubuntu what is missing.
 *
 * @throws where there is an apt-get which can't be used or fails; the message says what to do
 */
export async function installPackages(needed: NeededPackages, log: Log): Promise<PackageState> {
  const absent = await needed.missing();
  if (absent.length === 0) return { state: 'installed' };
  const { what, packages } = needed;
  const lacking = `${what} is not installed (${absent.join(', ')})`;
  const command = `apt-get install --no-install-recommends ${packages.join(' ')}`;
  if (!(await may(aptGet, constants.X_OK))) {
    return { state: 'unsupported', reason: `${lacking}, and it is installed automatically on Debian and Ubuntu only` };
  }
  if (needed.bringServices && (await may(systemd, constants.F_OK))) {
    const reason = `${lacking}, and it is not installed automatically where its services would start: ${command}`;
    return { state: 'unsupported', reason };
  }
  if (process.getuid?.() !== 0) throw new Error(`${lacking}: run as root: ${command}`);
  let line = '';
  const apt = (...args: string[]) =>
    runAptGet(args, (text) => {
      line = text;
    });
  await withProgress(
    log,
    `installing ${what} with apt-get (once; ${needed.effort}): ${packages.join(' ')}`,
    () => line.slice(0, 100),
    async () => {
      await twice(() => apt('update'));
      await withoutStarts(() => twice(() => apt('install', '--yes', '--no-install-recommends', ...packages)));
    },
  );
  const still = await needed.missing();
  if (still.length > 0) throw new Error(`apt-get installed ${packages.join(' ')}, but there is no ${still.join(', ')}`);
  return { state: 'installed' };
}

/** Packages start the services that they bring unless this script says no (101): no one asked for them here. */
async function withoutStarts(install: () => Promise<void>): Promise<void> {
  if (await may(startPolicy, constants.F_OK)) return await install();
  await writeFile(startPolicy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    await install();
  } finally {
    await rm(startPolicy, { force: true });
  }
}

async function may(file: string, mode: number): Promise<boolean> {
  return access(file, mode).then(
    () => true,
    () => false,
  );
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
