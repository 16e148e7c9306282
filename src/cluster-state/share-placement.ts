import type { Share } from '../api/v1alpha1/share.ts';
import type { ShareNetwork } from '../api/v1alpha1/share-network.ts';
import type { ShareServer } from '../api/v1alpha1/share-server.ts';
import type { StorageBackend } from '../api/v1alpha1/storage-backend.ts';
import type { ClusterState } from './cluster-state.ts';
import { namespaceView } from './namespace-view.ts';

/** The objects that a share is placed on; undefined where it is not placed, or they do not exist. */
export interface SharePlacement {
  readonly network: ShareNetwork | undefined;
  readonly server: ShareServer | undefined;
  readonly backend: StorageBackend | undefined;
}

export function placementOf(state: Pick<ClusterState, 'informers'>, { metadata, spec, status }: Share): SharePlacement {
  const { network, server, backend } = namespaceView(state, metadata.namespace ?? '');
  const { shareServerName, backendName } = status ?? {};
  return {
    network: spec.shareNetworkName === undefined ? undefined : network(spec.shareNetworkName),
    server: shareServerName === undefined ? undefined : server(shareServerName),
    backend: backendName === undefined ? undefined : backend(backendName),
  };
}
