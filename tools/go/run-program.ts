import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { type GoTool, goTool } from './go-tools.ts';

/** What a program printed and how it ended. */
export interface Run {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** What a program is given besides its arguments. */
export interface Given {
  /** On its standard input. */
  readonly input?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Where it is run; else where this process is. */
  readonly cwd?: string;
}

/** Runs a program; one that fails is a result. */
export async function runProgram(
  program: string,
  args: readonly string[],
  { input = '', env = process.env, cwd }: Given = {},
): Promise<Run> {
  const child = spawn(program, args, { stdio: 'pipe', env, cwd });
  // It may end without having read its input.
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  return { code, stdout, stderr };
}

/** Runs a program that is built with Go; one that fails is a result. */
export async function runTool(tool: GoTool, args: readonly string[], given?: Given): Promise<Run> {
  return await runProgram(await goTool(tool, (line) => process.stderr.write(`${line}\n`)), args, given);
}

/** What a program that is built with Go printed. @throws with its complaint when it fails */
export async function printedBy(tool: GoTool, args: readonly string[], given?: Given): Promise<string> {
  const { code, stdout, stderr } = await runTool(tool, args, given);
  if (code !== 0) throw new Error(`${tool} ${args.join(' ')}: ${stderr}${stdout}`);
  return stdout;
}
