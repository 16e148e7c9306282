import type { KubeObject } from '../../../src/runtime/kube-object.ts';
import { atRest } from '../../faults/eventually.ts';
import type { TestCluster } from '../test-cluster.ts';

/** The resourceVersion of every object of ours and every Secret in a namespace: equal only if nothing was written in between. */
export async function namespaceVersions(
  cluster: TestCluster,
  namespace: string,
): Promise<Readonly<Record<string, string | undefined>>> {
  const list: { readonly items: readonly (KubeObject & { readonly kind: string })[] } = JSON.parse(
    await cluster.kubectl('get', 'sharenet,secrets', '-n', namespace, '-o', 'json'),
  );
  return Object.fromEntries(
    list.items
      // Cluster-scoped kinds are listed whatever the namespace.
      .filter(({ metadata }) => metadata.namespace === namespace)
      .map(({ kind, metadata }) => [`${kind}/${metadata.name}`, metadata.resourceVersion]),
  );
}

/** The same once nothing has been written for a second: what is compared later must not change by what went before. */
export async function versionsAtRest(
  cluster: TestCluster,
  namespace: string,
): Promise<Awaited<ReturnType<typeof namespaceVersions>>> {
  return await atRest(`nothing is written in ${namespace}`, () => namespaceVersions(cluster, namespace), 1000);
}
