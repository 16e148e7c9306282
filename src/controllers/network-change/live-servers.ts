import type { ShareServer } from '../../api/v1alpha1/share-server.ts';
import { listLive } from '../lifecycle/live.ts';
import type { NetworkScope } from './network-scope.ts';

/** Share servers of the network as the API server has them now. */
export async function liveServers({ operator, network, namespace }: NetworkScope): Promise<readonly ShareServer[]> {
  const fieldSelector = `spec.shareNetworkName=${network.metadata.name}`;
  return await listLive(operator, operator.informers.shareServers, { namespace, fieldSelector });
}
