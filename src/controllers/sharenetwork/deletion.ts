import { nameList } from '../../api/name-list.ts';
import { related } from '../../cluster-state/related.ts';
import { isNotFound } from '../../runtime/api-error.ts';
import { nameOf, uidOf } from '../../runtime/kube-object.ts';
import { hasFinalizer, removeFinalizer } from '../finalizers.ts';
import type { NetworkScope } from './scope.ts';

/** Waits for a change and for the network's shares, then takes the share servers along, then lets the network go. */
export async function deleteNetwork(scope: NetworkScope): Promise<void> {
  const { operator, network, namespace, draft, servers } = scope;
  if (!hasFinalizer(network)) return;
  const { client, informers } = operator;
  if (network.status?.networkChange !== undefined) {
    draft.setCondition('DeletionBlocked', 'True', 'NetworkChangeInProgress', 'deleted after the change has ended');
    return;
  }
  const shares = related(operator, namespace).sharesOfNetwork(network.metadata.name);
  const inTheWay = shares.filter((share) => hasFinalizer(share) || share.metadata.deletionTimestamp === undefined);
  if (inTheWay.length > 0) {
    const names = nameList(inTheWay.map(({ metadata }) => metadata.name));
    draft.setCondition('DeletionBlocked', 'True', 'SharesExist', `delete the shares on it first: ${names}`);
    return;
  }
  if (servers.length > 0) {
    for (const server of servers) {
      if (server.metadata.deletionTimestamp !== undefined) continue;
      try {
        await client.delete(informers.shareServers.type, nameOf(server), { uid: uidOf(server) });
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    }
    const names = nameList(servers.map(({ metadata }) => metadata.name));
    draft.setCondition('DeletionBlocked', 'True', 'ShareServersExist', `share servers are being torn down: ${names}`);
    return;
  }
  await removeFinalizer(client, informers.shareNetworks, network);
}
