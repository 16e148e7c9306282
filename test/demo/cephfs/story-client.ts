import { shareAccesses, shares } from '../../../src/api/v1alpha1/resource-types.ts';
import { secrets } from '../../../src/runtime/core-types.ts';
import { mountOf } from '../../e2e/ceph/operator/mount-of.ts';
import { CephFSClient, type CephFSMount } from '../../labs/ceph/cephfs-client.ts';
import { CephClientError } from '../../labs/ceph/client-process.ts';
import { type Stage, StepFailed } from '../stage.ts';
import { perform } from './client-commands.ts';

const cutOffTimeoutMs = 20_000;

/** A user of a rule, whose CephFS clients the audience sees at work. */
export class StoryClient {
  readonly #stage: Stage;
  readonly #rule: string;
  readonly #mount: CephFSMount;
  #client: CephFSClient | undefined;

  private constructor(stage: Stage, rule: string, mount: CephFSMount) {
    this.#stage = stage;
    this.#rule = rule;
    this.#mount = mount;
    // A client that hangs must not hold up the end of the demo.
    stage.signal.addEventListener('abort', () => void this.#client?.kill());
  }

  /** Reads the rule's Secret and the share's export location. */
  static async of(stage: Stage, rule: string): Promise<StoryClient> {
    const { spec, status } = await stage.get(shareAccesses, rule);
    const share = await stage.get(shares, spec.shareName);
    const secret = await stage.get(secrets, status?.accessKeySecretRef?.name ?? '');
    return new StoryClient(stage, rule, mountOf(share, secret));
  }

  get key(): string {
    return this.#mount.key;
  }

  /** Mounts with what was read before. */
  async mount(): Promise<void> {
    const { root } = this.#mount;
    this.#show(await this.#typed(this.#mountCommand(root), () => this.#open(root)));
  }

  /** As {@link mount}, of the share or of another path, which is refused. @throws StepFailed when it is not */
  async mountIsRefused(root = this.#mount.root): Promise<void> {
    await this.#refused(this.#mountCommand(root), () => this.#open(root));
  }

  /** Types something at the mounted client. @throws StepFailed when it is refused */
  async run(line: string): Promise<string> {
    const answer = await this.#typed(line, () => perform(this.#mounted(), line));
    this.#show(answer);
    return answer;
  }

  /** As {@link run}, which is refused. @throws StepFailed when it is not */
  async isRefused(line: string): Promise<void> {
    await this.#refused(line, () => perform(this.#mounted(), line));
  }

  /** Writes over and over while something is done that throws the client out, and shows how long it could. */
  async isThrownOut(act: () => Promise<unknown>): Promise<void> {
    const client = this.#mounted();
    const begin = performance.now();
    let ended = begin;
    let writes = 0;
    const write = async (): Promise<string> => {
      while (performance.now() - begin < cutOffTimeoutMs) {
        try {
          await client.write('/heartbeat', `${writes}`);
          writes += 1;
        } catch (error) {
          ended = performance.now();
          return refusalIn(error);
        }
      }
      throw new StepFailed(`the client of ${this.#rule} still writes after ${cutOffTimeoutMs / 1000} s`);
    };
    const [refusal] = await Promise.all([write(), act()]);
    const elapsed = Math.round(ended - begin);
    this.#show(`${this.#rule}> wrote ${writes} times; ${elapsed} ms after the command was typed: refused, ${refusal}`);
  }

  /** Leaves the mount; one that was thrown out is ended all the same. */
  async unmount(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    await client?.unmount().catch((error: unknown) => void refusalIn(error));
  }

  #mountCommand(root: string): string {
    return `mount ${root} as client.${this.#mount.user}`;
  }

  #mounted(): CephFSClient {
    if (this.#client === undefined) throw new Error(`the client of ${this.#rule} is not mounted`);
    return this.#client;
  }

  async #open(root: string): Promise<string> {
    await this.unmount();
    const begin = performance.now();
    this.#client = await CephFSClient.mount({ ...this.#mount, root });
    return `mounted (${Math.round(performance.now() - begin)} ms)`;
  }

  async #typed<T>(line: string, act: () => Promise<T>): Promise<T> {
    this.#stage.signal.throwIfAborted();
    this.#stage.screen.typed('cyan', `${this.#rule}>`, line);
    return await act();
  }

  async #refused(line: string, act: () => Promise<string>): Promise<void> {
    const refusal = await this.#typed(line, act).then(() => undefined, refusalIn);
    if (refusal === undefined) throw new StepFailed('expected: what was typed above is refused');
    this.#show(`refused: ${refusal}`);
  }

  #show(text: string): void {
    this.#stage.screen.output(`${text}\n`);
  }
}

/** @throws the error where it is none of Ceph's */
function refusalIn(error: unknown): string {
  if (error instanceof CephClientError) return error.message;
  throw error;
}
