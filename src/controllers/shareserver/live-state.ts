import { nameOf } from '../../runtime/kube-object.ts';
import { isCurrent, listLive } from '../lifecycle/live.ts';
import type { ServerScope } from './scope.ts';

/** Whether shares are placed on the server now, as the API server has them. */
export async function hasShares({ operator, namespace, server }: ServerScope): Promise<boolean> {
  const listed = await listLive(operator, operator.informers.shares, {
    namespace,
    fieldSelector: `spec.shareNetworkName=${server.spec.shareNetworkName}`,
  });
  return listed.some((share) => share.status?.shareServerName === server.metadata.name);
}

/** Whether the server's backend is as the API server has it. */
export async function isBackendCurrent({ operator, server, backend }: ServerScope): Promise<boolean> {
  return await isCurrent(operator, operator.informers.storageBackends, { name: server.spec.backendName }, backend);
}

/** Whether the server, and a network that the cache does not have, are as the API server has them. */
export async function isServerCurrent({ operator, namespace, server, network }: ServerScope): Promise<boolean> {
  const { shareServers, shareNetworks } = operator.informers;
  const networkName = { namespace, name: server.spec.shareNetworkName };
  return (
    (await isCurrent(operator, shareServers, nameOf(server), server)) &&
    (network !== undefined || (await isCurrent(operator, shareNetworks, networkName, network)))
  );
}
