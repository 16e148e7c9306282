import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { delimiter, dirname, join } from 'node:path';

const root = join(import.meta.dirname, '../..');

/** This process's Node and the installed packages' commands come first, as in an npm script. */
const path = [dirname(process.execPath), join(root, 'node_modules/.bin'), process.env.PATH].join(delimiter);

/**
 * Runs a command in the root of the repository until it ends.
 *
 * @returns undefined when it succeeded, else what it printed and how it ended
 */
export async function commandProblem(command: string, args: readonly string[]): Promise<string | undefined> {
  const child = spawn(command, args, {
    cwd: root,
    env: { ...process.env, PATH: path, NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  try {
    const [code, signal] = await once(child, 'close');
    return code === 0 ? undefined : `${output}${command} ended with ${signal ?? `exit code ${code}`}`;
  } catch (error) {
    return `${command}: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** Builds what the tests' control plane consists of where it is missing; its progress goes to standard error. */
export async function controlPlaneProblem(): Promise<string | undefined> {
  const { how } = await runVisibly('test/kube/cli.ts', 'build');
  return how === undefined ? undefined : `test/kube/cli.ts build ${how}; see above`;
}

/** Builds the programs that check what is delivered, where they are missing; its progress goes to standard error. */
export async function goToolsProblem(): Promise<string | undefined> {
  const { how } = await runVisibly('tools/go/cli.ts', 'build');
  return how === undefined ? undefined : `tools/go/cli.ts build ${how}; see above`;
}

/** Why a check was left out. */
export interface Skipped {
  readonly skipped: string;
}

/** Exit code of `test/labs/<name>/cli.ts install` on a system that it can't install the storage on. */
const unsupportedSystem = 3;

/** Installs Ceph for the tests where it is missing; its progress goes to standard error. */
export async function cephProblem(): Promise<string | Skipped | undefined> {
  return await labProblem('ceph', 'Ceph is not installed, and this system is not Debian or Ubuntu');
}

/** Installs Samba for the tests where it is missing; its progress goes to standard error. */
export async function sambaProblem(): Promise<string | Skipped | undefined> {
  return await labProblem(
    'samba',
    'Samba is not installed, or this system can not stand for several machines; see above',
  );
}

/** apt-get lets one at a time. */
let installing: Promise<unknown> = Promise.resolve();

async function labProblem(lab: string, reason: string): Promise<string | Skipped | undefined> {
  const before = installing;
  const turn = Promise.withResolvers<void>();
  installing = turn.promise;
  await before;
  try {
    return await installLab(lab, reason);
  } finally {
    turn.resolve();
  }
}

async function installLab(lab: string, reason: string): Promise<string | Skipped | undefined> {
  if (process.env.SHARENET_E2E === 'skip') return { skipped: 'SHARENET_E2E=skip is set' };
  const script = `test/labs/${lab}/cli.ts`;
  const { code, how } = await runVisibly(script, 'install');
  if (code === unsupportedSystem) {
    // There, what is left out goes unnoticed.
    return process.env.CI === 'true' ? `${reason}; SHARENET_E2E=skip leaves these tests out` : { skipped: reason };
  }
  return how === undefined ? undefined : `${script} install ${how}; see above, or set SHARENET_E2E=skip`;
}

/** Runs a script of this repository whose progress a person sees. @returns how it ended unless it succeeded */
async function runVisibly(script: string, argument: string): Promise<{ code: number | null; how: string | undefined }> {
  const child = spawn(process.execPath, [join(root, script), argument], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const [code, signal] = await once(child, 'close');
  return { code, how: code === 0 ? undefined : `ended with ${signal ?? `exit code ${code}`}` };
}
