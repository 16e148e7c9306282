import type { ShareAccess } from '../../api/v1alpha1/share-access.ts';
import type { KubeObject } from '../../runtime/kube-object.ts';
import { notesOf } from '../why/notes.ts';
import { changeProgress } from './network-progress.ts';
import type { NamespaceTree, NetworkNode, ServerNode, ShareNode } from './status-tree.ts';

/** The tree as data, for `-o json` and `-o yaml`: lists that have nothing in them are there, so that scripts need not ask. */
export function statusData(trees: readonly NamespaceTree[]): object {
  return {
    shareNetworks: trees.flatMap(({ networks }) => networks.map(networkData)),
    shareServersWithoutNetwork: trees.flatMap(({ servers }) => servers.map(serverData)),
    sharesWithoutNetwork: trees.flatMap(({ shares }) => shares.map(shareData)),
    shareAccessesWithoutShare: trees.flatMap(({ rules }) => rules.map(ruleData)),
  };
}

function networkData({ network, servers, shares }: NetworkNode): object {
  const { spec, status } = network;
  const progress = changeProgress(
    network,
    servers.map(({ server }) => server),
  );
  return {
    ...objectData(network),
    securityServices: status?.securityServices?.map(({ type, name }) => ({ type, name })) ?? [],
    wantedSecurityServices: spec.securityServices ?? [],
    networkChange: status?.networkChange && { ...status.networkChange, progress },
    lastNetworkChange: status?.lastNetworkChange,
    shareServers: servers.map(serverData),
    unplacedShares: shares.map(shareData),
  };
}

function serverData({ server, shares }: ServerNode): object {
  const { spec, status } = server;
  return {
    ...objectData(server),
    backendName: spec.backendName,
    securityServiceUpdateSupport: spec.securityServiceUpdateSupport ?? false,
    securityServices: status?.securityServices?.map(({ type, name }) => ({ type, name })) ?? [],
    lastError: status?.lastError,
    shares: shares.map(shareData),
  };
}

function shareData({ share, rules }: ShareNode): object {
  const { spec, status } = share;
  return {
    ...objectData(share),
    protocol: spec.protocol,
    size: spec.size,
    shareNetworkName: spec.shareNetworkName,
    backendName: status?.backendName,
    accessRulesStatus: status?.accessRulesStatus,
    shareAccesses: rules.map(ruleData),
  };
}

function ruleData(rule: ShareAccess): object {
  const { shareName, accessType, accessTo, accessLevel = 'rw' } = rule.spec;
  return { ...objectData(rule), shareName, accessType, accessTo, accessLevel };
}

function objectData(object: KubeObject & { readonly status?: { readonly phase?: string } }): object {
  const { metadata, status } = object;
  return { namespace: metadata.namespace, name: metadata.name, phase: status?.phase, notes: notesOf(object) };
}
