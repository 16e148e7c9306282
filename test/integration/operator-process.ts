import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

const entry = new URL('../../src/main.ts', import.meta.url).pathname;
const compileCache = new URL('../../.cache/node-compile', import.meta.url).pathname;

/** How an operator process differs from the usual one. */
export interface OperatorProcessOptions {
  /** `false`: don't wait until it is ready. */
  readonly waitReady?: boolean;
  /** What is run in place of the source with a kubeconfig; flags are put behind it. */
  readonly command?: readonly [string, ...(readonly string[])];
  /** Variables besides this process's own. */
  readonly env?: Readonly<Record<string, string>>;
}

/** A real operator process, run from source against one control plane. */
export class OperatorProcess {
  readonly #child: ChildProcess;
  readonly logFile: string;
  readonly healthURL: string;
  readonly metricsURL: string;

  private constructor(child: ChildProcess, logFile: string, ports: { health: number; metrics: number }) {
    this.#child = child;
    this.logFile = logFile;
    this.healthURL = `http://127.0.0.1:${ports.health}`;
    this.metricsURL = `http://127.0.0.1:${ports.metrics}/metrics`;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Resolves when it has ended, in whatever way. */
  async ended(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) await once(this.#child, 'exit');
  }

  /** Starts the process; resolves when it is ready. */
  static async start(
    kubeconfig: string,
    args: readonly string[] = [],
    options: OperatorProcessOptions = {},
  ): Promise<OperatorProcess> {
    const { freePort } = await import('../kube/free-port.ts');
    const ports = { health: await freePort(), metrics: await freePort() };
    // Beside the control plane's files where it can be: those are removed whatever becomes of the test.
    const beside = dirname(kubeconfig);
    const home = basename(beside).startsWith('sharenet-control-plane-') ? beside : tmpdir();
    const logFile = join(await mkdtemp(join(home, 'sharenet-operator-')), 'operator.log');
    const [program, ...before] = options.command ?? [process.execPath, entry, `--kubeconfig=${kubeconfig}`];
    const child = spawn(
      program,
      [
        ...before,
        `--health-probe-bind-address=127.0.0.1:${ports.health}`,
        `--metrics-bind-address=127.0.0.1:${ports.metrics}`,
        '--log-level=debug',
        ...args,
      ],
      // As bin/sharenet-operator does.
      {
        stdio: ['ignore', 'ignore', 'pipe'],
        env: { ...process.env, NODE_COMPILE_CACHE: compileCache, ...options.env },
      },
    );
    child.stderr?.pipe(createWriteStream(logFile));
    const operator = new OperatorProcess(child, logFile, ports);
    if (options.waitReady !== false) await operator.ready();
    return operator;
  }

  /** Waits until /readyz says ok. */
  async ready(timeoutMs = 60_000): Promise<void> {
    const deadline = Date.now() + timeoutMs;
    while (Date.now() < deadline) {
      if (this.#child.exitCode !== null) {
        throw new Error(`the operator ended with code ${this.#child.exitCode}:\n${await this.log()}`);
      }
      const answer = await fetch(`${this.healthURL}/readyz`).catch(() => undefined);
      if (answer?.ok === true) return;
      await pause(50);
    }
    throw new Error(`the operator was not ready in time:\n${await this.log()}`);
  }

  /** Its log so far. */
  async log(): Promise<string> {
    return await readFile(this.logFile, 'utf8');
  }

  /** Removes its log. */
  async forget(): Promise<void> {
    await rm(dirname(this.logFile), { recursive: true, force: true });
  }

  /** Prometheus text of its metrics. */
  async metrics(): Promise<string> {
    return await (await fetch(this.metricsURL)).text();
  }

  /** Ends it in order; answers its exit code. */
  async stop(): Promise<number | null> {
    return await this.#end('SIGTERM');
  }

  /** Kills it between two instructions. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  async #end(signal: NodeJS.Signals): Promise<number | null> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return this.#child.exitCode;
    const ended = once(this.#child, 'exit');
    this.#child.kill(signal);
    await ended;
    return this.#child.exitCode;
  }
}
