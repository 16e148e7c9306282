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
  const child = spawn(process.execPath, [join(root, 'test/kube/cli.ts'), 'build'], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const [code, signal] = await once(child, 'close');
  return code === 0 ? undefined : `test/kube/cli.ts build ended with ${signal ?? `exit code ${code}`}; see above`;
}
