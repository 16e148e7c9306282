import { join } from 'node:path';
import { eventually } from '../../faults/eventually.ts';
import { type KubectlResult, runKubectl } from '../../kube/kubectl.ts';
import type { TestCluster } from '../test-cluster.ts';

/** Folder of the launchers. */
export const bin = join(import.meta.dirname, '../../../bin');

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

  /** Somebody with a ClusterRole, in the namespace or (with `everywhere`) in the whole cluster. */
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
    const { plane } = this.#cluster;
    const environment = { ...plane.kubectlEnvironment, PATH: `${bin}:${process.env.PATH}`, NO_COLOR: undefined };
    return await runKubectl(plane.kubectlPath, ['sharenet', ...args, '-n', this.#namespace], environment, {
      kubeconfig: this.#kubeconfig,
    });
  }
}
