import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** A program is missing or failed; its message says what to do, or ends what the program has printed itself. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
}

/** Runs a command whose output a person sees. @throws CommandError when it fails */
export async function runCommand(command: string, args: readonly string[]): Promise<void> {
  process.stderr.write(`+ ${[command, ...args].join(' ')}\n`);
  const child = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit'] });
  try {
    const [code, signal] = await once(child, 'close');
    if (code !== 0) throw new CommandError(`${command} ended with ${signal ?? `code ${code}`}; see above`);
  } catch (error) {
    throw error instanceof CommandError ? error : new CommandError(`${command} can not be started: ${reasonOf(error)}`);
  }
}

/** What a command prints. @throws CommandError with its last line of standard error when it fails */
export async function outputOf(command: string, args: readonly string[]): Promise<string> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  try {
    const [code, signal] = await once(child, 'close');
    if (code === 0) return output.trim();
    throw new CommandError(errors.trim().split('\n').at(-1) || `it ended with ${signal ?? `code ${code}`}`);
  } catch (error) {
    throw error instanceof CommandError ? error : new CommandError(reasonOf(error));
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return 'it is not on the PATH';
  return error instanceof Error ? error.message : String(error);
}
