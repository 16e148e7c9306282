import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '../faults/eventually.ts';

/** The demo's program. */
export const demoEntry = join(import.meta.dirname, 'demo.ts');

/** How the demo is started. */
export interface DemoStart {
  readonly program?: string;
  readonly args?: readonly string[];
  /** Added to the environment, which has nothing of make's and the demo's otherwise. */
  readonly env?: Readonly<Record<string, string>>;
}

/** A demo in a process group of its own, with a temporary folder of its own by which all that it starts can be told. */
export class DemoProcess {
  readonly #temporary = mkdtempSync(join(tmpdir(), 'sharenet-demo-'));
  readonly #child: ChildProcess;
  /** Exit code; resolves when the last process that has its output has ended. */
  readonly ended: Promise<number | null>;
  /** What it has printed so far. */
  printed = '';

  constructor({ program = process.execPath, args = [demoEntry], env: more = {} }: DemoStart = {}) {
    const { DEMO_EXIT: _exit, DRIVER: _driver, NODE_OPTIONS: _options, MAKELEVEL: _level, ...env } = process.env;
    this.#child = spawn(program, args, {
      env: { ...env, ...more, TMPDIR: this.#temporary },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.printed += text;
      });
    }
    this.ended = once(this.#child, 'close').then(([code]) => code);
  }

  /** Waits until it has printed something. @throws with all that it printed when it does not, or ends before */
  async prints(text: string, timeoutMs = 120_000): Promise<void> {
    const seen = (): boolean => this.printed.includes(text) || this.#child.exitCode !== null;
    await eventually(`${JSON.stringify(text)} is printed`, seen, timeoutMs);
    if (!this.printed.includes(text)) throw new Error(`it ended without ${JSON.stringify(text)}:\n${this.printed}`);
  }

  /** Sends a signal to the process that was started. */
  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Sends SIGINT to its whole process group, as a terminal does. */
  pressCtrlC(): void {
    if (this.#child.pid !== undefined) process.kill(-this.#child.pid, 'SIGINT');
  }

  /** Processes and files that are left of it. */
  remains(): readonly string[] {
    // Not all of them have the folder in their arguments, but all have it in their environment.
    const lines = execFileSync('ps', ['axeww', '-o', 'args='], { encoding: 'utf8', maxBuffer: 1e8 }).split('\n');
    const processes = lines.filter((line) => line.includes(this.#temporary)).map((line) => line.slice(0, 200));
    return [...processes, ...readdirSync(this.#temporary)];
  }

  /** Kills what there is, also where a test failed. */
  clear(): void {
    try {
      // The whole group: the shell may be gone and the demo not.
      if (this.#child.pid !== undefined) process.kill(-this.#child.pid, 'SIGKILL');
    } catch {
      // All of it has ended.
    }
    rmSync(this.#temporary, { recursive: true, force: true });
  }
}
