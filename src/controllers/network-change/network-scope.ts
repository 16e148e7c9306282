import type { ShareNetwork } from '../../api/v1alpha1/share-network.ts';
import type { ShareServer } from '../../api/v1alpha1/share-server.ts';
import { type NamespaceView, namespaceView } from '../../cluster-state/namespace-view.ts';
import type { Pass } from '../reconcile/pass.ts';

/** What one pass over a ShareNetwork works with. */
export interface NetworkScope extends Pass<ShareNetwork> {
  readonly network: ShareNetwork;
  readonly namespace: string;
  readonly view: NamespaceView;
  /** Share servers of the network, from the cache. */
  readonly servers: readonly ShareServer[];
}

export function networkScope(pass: Pass<ShareNetwork>): NetworkScope {
  const network = pass.draft.object;
  const namespace = network.metadata.namespace ?? '';
  const view = namespaceView(pass.operator, namespace);
  return { ...pass, network, namespace, view, servers: view.serversOf(network.metadata.name) };
}
