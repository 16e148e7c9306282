import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { eventually } from '../../faults/eventually.ts';
import { type KubectlResult, runKubectl } from '../../kube/kubectl.ts';
import type { TestCluster } from '../test-cluster.ts';

/** Folder of the launchers. */
export const bin = join(import.meta.dirname, '../../../bin');

/** A command that is running. */
export interface RunningCommand {
  /** Waits for a line of its standard output. @throws when it takes too long */
  line(what: string, holds: (line: string) => boolean): Promise<string>;
  /** What Ctrl-C does. */
  interrupt(): void;
  /** How it ended. */
  readonly ended: Promise<KubectlResult>;
}

/** A person with a kubeconfig, who calls `kubectl sharenet` in one namespace. */
export class Person {
  readonly #cluster: TestCluster;
  readonly #kubeconfig: string;
  readonly #namespace: string;

  private constructor(cluster: TestCluster, kubeconfig: string, namespace: string) {
    this.#cluster = cluster;
    this.#kubeconfig = kubeconfig;
    this.#namespace = namespace;
  }

  /** Someone with a ClusterRole, in the namespace or (with `everywhere`) in the whole cluster. */
  static async with(
    cluster: TestCluster,
    user: string,
    role: string,
    namespace: string,
    options: { readonly everywhere?: boolean } = {},
  ): Promise<Person> {
    const binding = options.everywhere
      ? ['clusterrolebinding', user]
      : ['rolebinding', user, `--namespace=${namespace}`];
    await cluster.kubectl('create', ...binding, `--clusterrole=${role}`, `--user=${user}`);
    const person = new Person(cluster, await cluster.plane.kubeconfigFor({ user }), namespace);
    // Roles are aggregated, and bindings heeded, some moments later.
    await eventually(`${user} may look`, async () => (await person.sharenet('status')).code === 0, 20_000);
    return person;
  }

  /** Runs `kubectl sharenet` with a real kubectl that finds the plug-in on its PATH. */
  async sharenet(...args: readonly string[]): Promise<KubectlResult> {
    return await runKubectl(this.#cluster.plane.kubectlPath, this.#words(args), this.#environment(), {
      kubeconfig: this.#kubeconfig,
    });
  }

  /** The same for one that goes on: its lines are there as it prints them. */
  start(...args: readonly string[]): RunningCommand {
    const child = spawn(this.#cluster.plane.kubectlPath, this.#words(args), {
      env: { ...this.#environment(), KUBECONFIG: this.#kubeconfig },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const lines: string[] = [];
    createInterface(child.stdout).on('line', (line) => lines.push(line));
    const ended = Promise.all([once(child, 'close'), text(child.stderr)]).then(([[code], stderr]) => ({
      code: typeof code === 'number' ? code : 1,
      stdout: lines.map((line) => `${line}\n`).join(''),
      stderr,
    }));
    return {
      line: async (what, holds) => await eventually(`${args[0]} prints ${what}`, () => lines.find(holds)),
      interrupt: () => void child.kill('SIGINT'),
      ended,
    };
  }

  #words(args: readonly string[]): readonly string[] {
    return ['sharenet', ...args, '-n', this.#namespace];
  }

  #environment(): NodeJS.ProcessEnv {
    return {
      ...this.#cluster.plane.kubectlEnvironment,
      PATH: `${bin}:${process.env.PATH}`,
      NO_COLOR: undefined,
    };
  }
}
