import type { Share } from '../../api/v1alpha1/share.ts';
import { isNotFound } from '../../runtime/api-error.ts';
import { nameOf, uidOf } from '../../runtime/kube-object.ts';
import { nameList } from '../../values/name-list.ts';
import { hasFinalizer, removeFinalizer } from '../lifecycle/finalizers.ts';
import { isCurrent, listLive, staleCache } from '../lifecycle/live.ts';
import { liveServers } from '../network-change/live-servers.ts';
import type { NetworkScope } from '../network-change/network-scope.ts';
import { done, type Phase, passOver, type Step, stop } from '../reconcile/step.ts';

/** Waits for a change and for the network's shares, deletes the share servers, then releases the network. */
export const deletionPhases: readonly Phase<NetworkScope>[] = [
  waitForChange,
  waitForShares,
  deleteServers,
  removeOwnFinalizer,
];

function waitForChange({ network, draft }: NetworkScope): Step {
  if (network.status?.networkChange === undefined) return done;
  draft.setCondition('DeletionBlocked', 'True', 'NetworkChangeInProgress', 'deleted after the change has ended');
  return stop();
}

async function waitForShares(scope: NetworkScope): Promise<Step> {
  const { operator, network, namespace, view } = scope;
  const { informers } = operator;
  const cached = sharesInTheWay(view.sharesOfNetwork(network.metadata.name));
  if (cached.length > 0) return blockedByShares(scope, cached);
  if (areServersTornDown(scope)) return done;
  if (!(await isCurrent(operator, informers.shareNetworks, nameOf(network), network)))
    return stop(staleCache.requeueAfterMs);
  const fieldSelector = `spec.shareNetworkName=${network.metadata.name}`;
  const live = sharesInTheWay(await listLive(operator, informers.shares, { namespace, fieldSelector }));
  return live.length > 0 ? blockedByShares(scope, live) : done;
}

async function deleteServers(scope: NetworkScope): Promise<Step> {
  const { operator, draft } = scope;
  const servers = areServersTornDown(scope) ? scope.servers : await liveServers(scope);
  if (servers.length === 0) return done;
  for (const server of servers) {
    if (server.metadata.deletionTimestamp !== undefined) continue;
    try {
      const { type } = operator.informers.shareServers;
      await operator.client.delete(type, nameOf(server), { uid: uidOf(server) });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
  const names = nameList(servers.map(({ metadata }) => metadata.name));
  draft.setCondition('DeletionBlocked', 'True', 'ShareServersExist', `share servers are being torn down: ${names}`);
  return stop();
}

async function removeOwnFinalizer({ operator, network }: NetworkScope): Promise<Step> {
  await removeFinalizer(operator.client, operator.informers.shareNetworks, network);
  return passOver();
}

/** Whether all servers are on their way out already: then the API server was asked about shares before. */
function areServersTornDown({ servers }: NetworkScope): boolean {
  return servers.length > 0 && servers.every(({ metadata }) => metadata.deletionTimestamp !== undefined);
}

function sharesInTheWay(shares: readonly Share[]): readonly string[] {
  return shares
    .filter((share) => hasFinalizer(share) || share.metadata.deletionTimestamp === undefined)
    .map(({ metadata }) => metadata.name);
}

function blockedByShares({ draft }: NetworkScope, names: readonly string[]): Step {
  draft.setCondition('DeletionBlocked', 'True', 'SharesExist', `delete the shares on it first: ${nameList(names)}`);
  return stop();
}
