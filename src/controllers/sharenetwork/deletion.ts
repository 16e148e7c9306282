import type { Share } from '../../api/v1alpha1/share.ts';
import { namespaceView } from '../../cluster-state/namespace-view.ts';
import { isNotFound } from '../../runtime/api-error.ts';
import type { ReconcileResult } from '../../runtime/controller.ts';
import { nameOf, uidOf } from '../../runtime/kube-object.ts';
import { nameList } from '../../values/name-list.ts';
import { hasFinalizer, removeFinalizer } from '../lifecycle/finalizers.ts';
import { isCurrent, listLive, staleCache } from '../lifecycle/live.ts';
import { liveServers } from '../network-change/mark.ts';
import type { NetworkDraft, NetworkScope } from '../network-change/network-scope.ts';

/** Waits for a change and for the network's shares, then takes the share servers along, then lets the network go. */
export async function deleteNetwork(scope: NetworkScope): Promise<ReconcileResult | undefined> {
  const { operator, network, namespace, draft, servers } = scope;
  if (!hasFinalizer(network)) return undefined;
  const { client, informers } = operator;
  if (network.status?.networkChange !== undefined) {
    draft.setCondition('DeletionBlocked', 'True', 'NetworkChangeInProgress', 'deleted after the change has ended');
    return undefined;
  }
  if (blockedByShares(draft, namespaceView(operator, namespace).sharesOfNetwork(network.metadata.name)))
    return undefined;
  const isTornDown = servers.length > 0 && servers.every(({ metadata }) => metadata.deletionTimestamp !== undefined);
  if (!isTornDown) {
    if (!(await isCurrent(operator, informers.shareNetworks, nameOf(network), network))) return staleCache;
    const fieldSelector = `spec.shareNetworkName=${network.metadata.name}`;
    if (blockedByShares(draft, await listLive(operator, informers.shares, { namespace, fieldSelector })))
      return undefined;
  }
  const present = isTornDown ? servers : await liveServers(scope);
  if (present.length > 0) {
    for (const server of present) {
      if (server.metadata.deletionTimestamp !== undefined) continue;
      try {
        await client.delete(informers.shareServers.type, nameOf(server), { uid: uidOf(server) });
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    }
    const names = nameList(present.map(({ metadata }) => metadata.name));
    draft.setCondition('DeletionBlocked', 'True', 'ShareServersExist', `share servers are being torn down: ${names}`);
    return undefined;
  }
  await removeFinalizer(client, informers.shareNetworks, network);
  return undefined;
}

/** Says which shares are in the way; false where none is. */
function blockedByShares(draft: NetworkDraft, shares: readonly Share[]): boolean {
  const inTheWay = shares.filter((share) => hasFinalizer(share) || share.metadata.deletionTimestamp === undefined);
  if (inTheWay.length === 0) return false;
  const names = nameList(inTheWay.map(({ metadata }) => metadata.name));
  draft.setCondition('DeletionBlocked', 'True', 'SharesExist', `delete the shares on it first: ${names}`);
  return true;
}
