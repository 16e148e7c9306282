import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';

/** How a kubectl command is run. */
export interface KubectlOptions {
  /** Instead of the administrator's. */
  readonly kubeconfig?: string;
  /** Written to standard input, for `-f -`. */
  readonly input?: string;
}

/** What a kubectl command printed and how it ended. */
export interface KubectlResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** @throws when kubectl cannot be executed */
export async function runKubectl(
  kubectl: string,
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
  { kubeconfig, input = '' }: KubectlOptions,
): Promise<KubectlResult> {
  const env = kubeconfig === undefined ? environment : { ...environment, KUBECONFIG: kubeconfig };
  const child = spawn(kubectl, args, { env, stdio: 'pipe' });
  // kubectl may end without having read its input.
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  return { code: typeof code === 'number' ? code : 1, stdout, stderr };
}
