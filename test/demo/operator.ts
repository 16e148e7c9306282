import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { freePort } from '../kube/free-port.ts';
import { SupervisedPrograms } from '../kube/supervised-programs.ts';

const launcher = join(import.meta.dirname, '../../bin/sharenet-operator');
const name = 'sharenet-operator';
const readyTimeoutMs = 60_000;
const startAttempts = 3;

/** The operator as an administrator starts it. It ends when this process ends, in whatever way. */
export class DemoOperator {
  /** URL of its metrics. */
  readonly metricsURL: string;
  readonly #programs: SupervisedPrograms;

  private constructor(programs: SupervisedPrograms, metricsURL: string) {
    this.#programs = programs;
    this.metricsURL = metricsURL;
  }

  /** Folder of its log and of the dummy backend's state; removed at the end. */
  get directory(): string {
    return this.#programs.directory;
  }

  get logFile(): string {
    return join(this.directory, 'operator.log');
  }

  /**
   * Starts it on free ports and waits until it is ready.
   * @throws with the end of its log when it does not get there
   */
  static async start(kubeconfig: string): Promise<DemoOperator> {
    for (let attempt = 1; ; attempt += 1) {
      const programs = await SupervisedPrograms.open();
      const [health, metrics, webhook] = [await freePort(), await freePort(), await freePort()];
      const operator = new DemoOperator(programs, `http://127.0.0.1:${metrics}/metrics`);
      const flags = [
        `--kubeconfig=${kubeconfig}`,
        `--health-probe-bind-address=127.0.0.1:${health}`,
        `--metrics-bind-address=127.0.0.1:${metrics}`,
        '--webhook-mode=url',
        `--webhook-port=${webhook}`,
        '--log-format=pretty',
      ];
      try {
        await programs.start(name, launcher, flags, operator.logFile);
        await operator.#ready(`http://127.0.0.1:${health}/readyz`);
        return operator;
      } catch (error) {
        const log = await operator.logEnd();
        await programs.close();
        const text = `${error instanceof Error ? error.message : String(error)}\n${log}`;
        // Someone took a port between our look and the operator's start.
        if (!log.includes('EADDRINUSE') || attempt === startAttempts) throw new Error(text);
      }
    }
  }

  /** The last lines of its log. */
  async logEnd(): Promise<string> {
    const log = await readFile(this.logFile, 'utf8').catch(() => '');
    return log.trimEnd().split('\n').slice(-15).join('\n');
  }

  /** Ends it as Kubernetes does; it gets the time it needs for running calls. */
  async stop(): Promise<void> {
    await this.#programs.signal(name, 'SIGTERM').catch(() => {});
    const deadline = Date.now() + 35_000;
    while (this.#programs.exit(name) === undefined && Date.now() < deadline) await pause(20);
    await this.#programs.close();
  }

  async #ready(url: string): Promise<void> {
    const deadline = Date.now() + readyTimeoutMs;
    while (Date.now() < deadline) {
      const exit = this.#programs.exit(name);
      if (exit !== undefined) throw new Error(`the operator ended ${exit}`);
      const answer = await fetch(url, { signal: AbortSignal.timeout(2000) }).catch(() => undefined);
      if (answer?.ok === true) return;
      await pause(50);
    }
    throw new Error(`the operator was not ready within ${readyTimeoutMs / 1000} s`);
  }
}
