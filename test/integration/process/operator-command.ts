import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';

const entry = new URL('../../../src/main.ts', import.meta.url).pathname;

/** The launcher that a person starts the operator with. */
export const operatorLauncher = new URL('../../../bin/sharenet-operator', import.meta.url).pathname;

/** How an operator command ended. */
interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the operator and waits for its end; an abort of the signal is its SIGTERM. */
export async function runOperatorCommand(
  args: readonly string[],
  options: {
    readonly environment?: NodeJS.ProcessEnv;
    readonly signal?: AbortSignal;
    /** What is run in place of the source. */
    readonly command?: readonly [string];
    /** Called with the process's id; a failure of it is the result. */
    readonly started?: (pid: number) => Promise<void>;
  } = {},
): Promise<CommandResult> {
  const { PATH, HOME } = process.env;
  const [program, ...before] = options.command ?? [process.execPath, entry];
  const child = spawn(program, [...before, ...args], {
    env: { PATH, HOME, ...options.environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  options.signal?.addEventListener('abort', () => child.kill('SIGTERM'), { once: true });
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close'),
    options.started?.(child.pid ?? 0),
  ]);
  return { code: typeof code === 'number' ? code : null, stdout, stderr };
}
