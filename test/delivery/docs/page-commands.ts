import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import type { ControlPlane } from '../../kube/control-plane.ts';
import type { Block, Page } from './pages.ts';

const root = join(import.meta.dirname, '../../..');

/** One shell types this; `$1` and `$2` of the last line are the block that it was at. */
const prelude = `set -euo pipefail
at=""
trap 'code=$?; test $code = 0 || printf "\\n%s: ended with code %s\\n" "$at" "$code" >&2' EXIT
`;

/** Runs the commands of pages as their reader would, in a checkout. */
export class PageCommands {
  readonly #plane: ControlPlane;
  readonly #folder: string;
  readonly #kubeconfig: string;

  private constructor(plane: ControlPlane, folder: string, kubeconfig: string) {
    this.#plane = plane;
    this.#folder = folder;
    this.#kubeconfig = kubeconfig;
  }

  /**
   * What pages do to their kubeconfig stays with the commands.
   * @param of kubeconfig of who types; without it the cluster's administrator
   */
  static async open(plane: ControlPlane, of = plane.kubeconfigPath): Promise<PageCommands> {
    const folder = await mkdtemp(join(plane.directory, 'page-'));
    const kubeconfig = join(folder, 'kubeconfig');
    await copyFile(of, kubeconfig);
    return new PageCommands(plane, folder, kubeconfig);
  }

  /**
   * Runs blocks of a page one after another, in one shell.
   * @param variables what the reader has set
   * @returns what they printed
   * @throws with what they printed when one fails
   */
  async run(page: Page, blocks: readonly Block[], variables: Readonly<Record<string, string>> = {}): Promise<string> {
    const script = [prelude, ...blocks.map((block) => scriptOf(page, block))].join('\n');
    return await this.type(script, variables);
  }

  /** Types something else into such a shell. */
  async type(script: string, variables: Readonly<Record<string, string>> = {}): Promise<string> {
    const path = [dirname(this.#plane.kubectlPath), join(root, 'bin'), process.env.PATH ?? ''].join(delimiter);
    const environment = { ...this.#plane.kubectlEnvironment, ...variables, PATH: path, KUBECONFIG: this.#kubeconfig };
    const child = spawn('bash', ['-c', script], { cwd: root, env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
    const chunks: Buffer[] = [];
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    const [code] = await once(child, 'close');
    const output = Buffer.concat(chunks).toString();
    if (code !== 0) throw new Error(output);
    return output;
  }

  async close(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }
}

function scriptOf({ path }: Page, { line, text, mark }: Block): string {
  const at = `at=${path}:${line}`;
  if (mark?.kind !== 'run-watch') return `${at}\n${text}`;
  // It is stopped when it has shown something.
  return `${at}
coproc WATCH { exec ${text}; }
read -r -t 30 shown <&"\${WATCH[0]}"
echo "$shown"
kill "$WATCH_PID"
wait "$WATCH_PID" || true`;
}
