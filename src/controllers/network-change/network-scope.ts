import type { ShareNetwork } from '../../api/v1alpha1/share-network.ts';
import type { ShareServer } from '../../api/v1alpha1/share-server.ts';
import { type NamespaceView, namespaceView } from '../../cluster-state/namespace-view.ts';
import type { ChangeMemory } from '../change-memory/change-memory.ts';
import type { CredentialMemory } from '../credentials/credential-memory.ts';
import type { DriverAccess } from '../driver-calls/driver-access.ts';
import type { Operator } from '../operator.ts';
import type { Pass } from '../reconcile/pass.ts';

/** What the controller of ShareNetworks works with. */
export type NetworkOperator = Operator & DriverAccess & CredentialMemory & ChangeMemory;

/** What one pass over a ShareNetwork works with. */
export interface NetworkScope extends Pass<ShareNetwork, NetworkOperator> {
  readonly network: ShareNetwork;
  readonly namespace: string;
  readonly view: NamespaceView;
  /** Share servers of the network, from the cache. */
  readonly servers: readonly ShareServer[];
}

export function networkScope(pass: Pass<ShareNetwork, NetworkOperator>): NetworkScope {
  const network = pass.draft.object;
  const namespace = network.metadata.namespace ?? '';
  const view = namespaceView(pass.operator, namespace);
  return { ...pass, network, namespace, view, servers: view.serversOf(network.metadata.name) };
}
