import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findEngine } from '../../../tools/image/engine.ts';
import { OperatorProcess } from '../../integration/operator-process.ts';
import type { TestCluster } from '../../integration/test-cluster.ts';
import { PodSurroundings } from './container.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../../..');

/** An image to test in place of the bundle: `make image-test` sets it. */
const image = process.env.SHARENET_TEST_IMAGE;
const canConfine = process.platform === 'linux' && process.getuid?.() === 0;

/** Whether it runs as in its Pod. Without an image and without root it is the bare bundle that runs. */
export const isConfined = image !== undefined || canConfine;

/** What is tested, for the name of a test. */
export const delivered = `the operator as it is delivered${image === undefined ? '' : `, in image ${image}`}`;

/** What the kernel says of a process. */
export interface SeenProcess {
  readonly pid: number;
  /** A line of `/proc/PID/status`. */
  readonly status: (name: string) => string | undefined;
  /** Whether the root it sees is mounted `ro` or `rw`. */
  readonly rootMount: string | undefined;
}

/** The operator as it is delivered: the image, or the bundle confined as the image does it. */
export class DeliveredOperator {
  readonly #cluster: TestCluster;
  readonly #surroundings: PodSurroundings;
  readonly #folder: string;

  private constructor(cluster: TestCluster, surroundings: PodSurroundings, folder: string) {
    this.#cluster = cluster;
    this.#surroundings = surroundings;
    this.#folder = folder;
  }

  static async for(cluster: TestCluster): Promise<DeliveredOperator> {
    const folder = await mkdtemp(join(tmpdir(), 'sharenet-bundle-'));
    return new DeliveredOperator(cluster, await PodSurroundings.of(cluster), folder);
  }

  /** Starts it; resolves when it is ready. */
  async start(...args: readonly string[]): Promise<OperatorProcess> {
    return await OperatorProcess.start(this.#cluster.operatorKubeconfig, args, { command: await this.#command() });
  }

  async remove(): Promise<void> {
    await this.#surroundings.remove();
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #command(): Promise<readonly [string, ...(readonly string[])]> {
    if (image !== undefined) return this.#surroundings.container(await findEngine(), image);
    await run(process.execPath, [join(root, 'tools/bundle/bundle.ts'), this.#folder]);
    const bundle = join(this.#folder, 'operator');
    if (canConfine) return await this.#surroundings.confined(bundle);
    return [process.execPath, join(bundle, 'sharenet-operator.js'), `--kubeconfig=${this.#cluster.operatorKubeconfig}`];
  }
}

/** The process of the operator itself: the one that was started may be the engine's. */
export async function insideOf(operator: OperatorProcess): Promise<SeenProcess> {
  const flag = `--health-probe-bind-address=127.0.0.1:${new URL(operator.healthURL).port}`;
  return await seen(['--newest', '--full', '--', flag]);
}

/** Its process that holds the login to a Ceph cluster. */
export async function radosProcessOf(operator: SeenProcess): Promise<SeenProcess> {
  return await seen(['--parent', String(operator.pid), '--full', '--', '/rados-process\\.js']);
}

async function seen(search: readonly string[]): Promise<SeenProcess> {
  const pid = Number((await run('pgrep', search)).stdout);
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const mounts = (await readFile(`/proc/${pid}/mountinfo`, 'utf8')).split('\n').map((line) => line.split(' '));
  return {
    pid,
    status: (name) => new RegExp(`^${name}:[ \\t]*(.*)$`, 'm').exec(status)?.[1],
    rootMount: mounts.find((fields) => fields[4] === '/')?.[5]?.split(',')[0],
  };
}
