import { readdir } from 'node:fs/promises';
import { eventually } from '../faults/eventually.ts';
import { OperatorProcess } from '../integration/operator-process.ts';

/** Beside other work, and with an API server that was in trouble. */
const startTimeoutMs = 120_000;

/** What a replica of the operator takes of the machine at one moment. */
export interface Taken {
  readonly residentMiB: number;
  readonly heapMiB: number;
  /** Open file descriptors. */
  readonly descriptors: number;
}

/** One of the operator's replicas: as a kubelet does, it starts what has ended again. */
export class Replica {
  readonly name: string;
  readonly #kubeconfig: string;
  #process: OperatorProcess | undefined;
  #stopping = false;
  /** Ends of its own accord: what the log said last. */
  readonly ends: string[] = [];
  kills = 0;

  constructor(name: string, kubeconfig: string) {
    this.name = name;
    this.#kubeconfig = kubeconfig;
  }

  /** Starts it; when it is ready is not waited for. */
  async start(): Promise<void> {
    const args = ['--leader-elect', '--log-level=warn'];
    const started = await OperatorProcess.start(this.#kubeconfig, args, { waitReady: false });
    this.#process = started;
    void started.ended().then(async () => {
      if (this.#stopping || this.#process !== started) return;
      this.ends.push((await started.log()).trimEnd().split('\n').at(-1) ?? '');
      await started.forget();
      await this.start();
    });
  }

  /** Kills it between two instructions, and starts its successor. */
  async replace(): Promise<void> {
    const former = this.#process;
    this.#process = undefined;
    await former?.kill();
    await former?.forget();
    this.kills += 1;
    await this.start();
  }

  /** @returns its exit code */
  async stop(): Promise<number | null | undefined> {
    this.#stopping = true;
    return await this.#process?.stop();
  }

  async forget(): Promise<void> {
    await this.#process?.forget();
  }

  /** What it takes now; one that is just starting is waited for. */
  async taken(): Promise<Taken> {
    return await eventually(`${this.name} runs`, () => this.#taken().catch(() => undefined), startTimeoutMs);
  }

  async #taken(): Promise<Taken | undefined> {
    if (this.#process === undefined) return undefined;
    const { pid } = this.#process;
    const text = await this.#process.metrics();
    const mebibytes = (metric: string): number =>
      Math.round(Number(new RegExp(`^${metric} (\\S+)$`, 'm').exec(text)?.[1] ?? Number.NaN) / 2 ** 20);
    return {
      residentMiB: mebibytes('process_resident_memory_bytes'),
      heapMiB: mebibytes('nodejs_heap_size_used_bytes'),
      descriptors: (await readdir(`/proc/${pid}/fd`)).length,
    };
  }
}
