import type { ShareNetwork, ShareNetworkSubnet } from '../api/v1alpha1/share-network.ts';
import { segmentProblem } from '../scheduling/segments.ts';
import type { ClusterState } from './cluster-state.ts';
import { namespaceView } from './namespace-view.ts';

/**
 * Judges the segments of a network's subnets by the backends that are known; those that share servers use are no question.
 * @param isJudged chooses among the others
 * @returns one sentence about the first that its namespace may not use
 */
export function segmentRefusal(
  state: Pick<ClusterState, 'informers'>,
  network: ShareNetwork,
  isJudged: (subnet: ShareNetworkSubnet) => boolean = () => true,
): string | undefined {
  const { namespace = '', name } = network.metadata;
  const labels = state.informers.namespaces.cache.get({ name: namespace })?.metadata.labels;
  // A namespace that is not known yet may have any.
  if (labels === undefined) return undefined;
  const used = new Set(
    namespaceView(state, namespace)
      .serversOf(name)
      .map(({ spec }) => spec.subnetName),
  );
  const judged = (network.spec.subnets ?? []).filter((subnet) => !used.has(subnet.name) && isJudged(subnet));
  if (judged.length === 0) return undefined;
  const backends = state.informers.storageBackends.cache.list();
  return segmentProblem(judged, { namespace, namespaceLabels: labels, backends });
}
