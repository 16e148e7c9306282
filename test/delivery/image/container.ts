import { chmod, cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { operatorUser } from '../../integration/operator-user.ts';
import type { TestCluster } from '../../integration/test-cluster.ts';
import { imageSettings } from './dockerfile.ts';

type Command = readonly [string, ...(readonly string[])];

const tokenRequest = z.object({ status: z.object({ token: z.string() }) });
const [, , namespace = '', account = ''] = operatorUser.user.split(':');
const inContainer = '/var/run/secrets/kubernetes.io/serviceaccount';

/** What the kubelet gives to a Pod of the operator: the files of its service account, and the address of the API server. */
export class PodSurroundings {
  readonly #folder: string;
  readonly #server: URL;

  private constructor(folder: string, server: URL) {
    this.#folder = folder;
    this.#server = server;
  }

  static async of(cluster: TestCluster): Promise<PodSurroundings> {
    const folder = await mkdtemp(join(tmpdir(), 'sharenet-pod-'));
    const { token } = tokenRequest.parse(
      JSON.parse(await cluster.kubectl('create', 'token', account, '--namespace', namespace, '--output', 'json')),
    ).status;
    // The operator is not who made these files.
    await chmod(folder, 0o755);
    await mkdir(join(folder, 'account'));
    for (const [name, text] of Object.entries({ token, namespace, 'ca.crt': cluster.plane.ca })) {
      await writeFile(join(folder, 'account', name), text, { mode: 0o644 });
    }
    return new PodSurroundings(folder, new URL(cluster.plane.server));
  }

  /**
   * Runs a bundle without a container engine, as the image does it: as the Dockerfile's user without privileges, by its entry point,
   * on a root that is read-only and has nothing but Node.js, the system's libraries and the bundle. Needs root, and Linux.
   */
  async confined(bundle: string): Promise<Command> {
    const root = join(this.#folder, 'root');
    await mkdir(root);
    // Whoever made the bundle may keep it where no one else can look.
    const copy = join(this.#folder, 'bundle');
    await cp(bundle, copy, { recursive: true });
    const script = join(import.meta.dirname, 'confined.sh');
    const environment = this.#environment().map(([name, value]) => `${name}=${value}`);
    const account = join(this.#folder, 'account');
    const { user = '0:0', entryPoint, bundle: place = '' } = await imageSettings('operator');
    const [node, ...program] = entryPoint;
    if (node !== 'node') throw new Error(`the Dockerfile's entry point does not begin with node: ${entryPoint}`);
    const paths = [root, process.execPath, copy, place, account];
    return ['unshare', '--mount', 'sh', script, ...paths, ...user.split(':'), ...environment, '/node', ...program];
  }

  /** Runs an image with the flags that stand for the Deployment's security context, but as the user that the image itself names. */
  container(engine: string, image: string): Command {
    return [
      engine,
      ...['run', '--rm', '--read-only', '--cap-drop', 'ALL'],
      ...['--security-opt', 'no-new-privileges', '--network', 'host'],
      // Engines differ in what they lay over a read-only root: here nothing is writable.
      ...(engine === 'podman' ? ['--read-only-tmpfs=false'] : []),
      ...['--volume', `${join(this.#folder, 'account')}:${inContainer}:ro`],
      ...this.#environment().flatMap(([name, value]) => ['--env', `${name}=${value}`]),
      image,
    ];
  }

  async remove(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }

  #environment(): readonly (readonly [string, string])[] {
    return [
      ['KUBERNETES_SERVICE_HOST', this.#server.hostname],
      ['KUBERNETES_SERVICE_PORT', this.#server.port],
      ['HOME', '/nonexistent'],
    ];
  }
}
