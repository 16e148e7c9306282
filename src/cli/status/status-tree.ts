import type { Share } from '../../api/v1alpha1/share.ts';
import type { ShareAccess } from '../../api/v1alpha1/share-access.ts';
import type { ShareNetwork } from '../../api/v1alpha1/share-network.ts';
import type { ShareServer } from '../../api/v1alpha1/share-server.ts';
import type { StorageBackend } from '../../api/v1alpha1/storage-backend.ts';
import type { KubeObject } from '../../runtime/kube-object.ts';
import { byName } from '../output/by-name.ts';

/** What the API server lists. */
export interface StatusObjects {
  readonly networks: readonly ShareNetwork[];
  readonly servers: readonly ShareServer[];
  readonly shares: readonly Share[];
  readonly rules: readonly ShareAccess[];
  /** Undefined where the user may not list them. */
  readonly backends: readonly StorageBackend[] | undefined;
}

export interface ShareNode {
  readonly share: Share;
  readonly rules: readonly ShareAccess[];
}

export interface ServerNode {
  readonly server: ShareServer;
  readonly shares: readonly ShareNode[];
}

export interface NetworkNode {
  readonly network: ShareNetwork;
  readonly servers: readonly ServerNode[];
  /** Shares of the network that are on no server (yet). */
  readonly shares: readonly ShareNode[];
}

/** All of one namespace, by name. */
export interface NamespaceTree {
  readonly namespace: string;
  readonly networks: readonly NetworkNode[];
  /** Whose network does not exist. */
  readonly servers: readonly ServerNode[];
  /** Without a network, or with one that does not exist. */
  readonly shares: readonly ShareNode[];
  /** Whose share does not exist. */
  readonly rules: readonly ShareAccess[];
}

/** Arranges objects as networks, their servers, the shares on these and their rules; each object is in it once. */
export function statusTree(objects: StatusObjects): readonly NamespaceTree[] {
  const all: readonly (readonly KubeObject[])[] = [objects.networks, objects.servers, objects.shares, objects.rules];
  const namespaces = new Set(all.flatMap((kind) => kind.map(namespaceOf)));
  const networks = Map.groupBy(objects.networks.toSorted(byName), namespaceOf);
  const servers = Map.groupBy(objects.servers.toSorted(byName), namespaceOf);
  const shares = Map.groupBy(objects.shares.toSorted(byName), namespaceOf);
  const rules = Map.groupBy(objects.rules.toSorted(byName), namespaceOf);
  return [...namespaces].sort().map((namespace) =>
    namespaceTree(namespace, {
      networks: networks.get(namespace) ?? [],
      servers: servers.get(namespace) ?? [],
      shares: shares.get(namespace) ?? [],
      rules: rules.get(namespace) ?? [],
    }),
  );
}

function namespaceTree(namespace: string, objects: Omit<StatusObjects, 'backends'>): NamespaceTree {
  const networkNames = namesOf(objects.networks);
  const serverNames = namesOf(objects.servers);
  const shareNames = namesOf(objects.shares);

  const rules = Map.groupBy(objects.rules, ({ spec }) => spec.shareName);
  const shares = objects.shares.map((share): ShareNode => ({ share, rules: rules.get(share.metadata.name) ?? [] }));
  const onServer = ({ share }: ShareNode) => serverNames.has(share.status?.shareServerName ?? '');
  const onNetwork = ({ share }: ShareNode) => networkNames.has(share.spec.shareNetworkName ?? '');

  const sharesOfServer = Map.groupBy(shares.filter(onServer), ({ share }) => share.status?.shareServerName ?? '');
  const servers = objects.servers.map(
    (server): ServerNode => ({
      server,
      shares: sharesOfServer.get(server.metadata.name) ?? [],
    }),
  );
  const homeless = shares.filter((node) => !onServer(node));
  const sharesOfNetwork = Map.groupBy(homeless.filter(onNetwork), ({ share }) => share.spec.shareNetworkName ?? '');
  const serversOfNetwork = Map.groupBy(servers, ({ server }) => server.spec.shareNetworkName);
  return {
    namespace,
    networks: objects.networks.map(
      (network): NetworkNode => ({
        network,
        servers: serversOfNetwork.get(network.metadata.name) ?? [],
        shares: sharesOfNetwork.get(network.metadata.name) ?? [],
      }),
    ),
    servers: servers.filter(({ server }) => !networkNames.has(server.spec.shareNetworkName)),
    shares: homeless.filter((node) => !onNetwork(node)),
    rules: objects.rules.filter(({ spec }) => !shareNames.has(spec.shareName)),
  };
}

const namespaceOf = ({ metadata }: KubeObject): string => metadata.namespace ?? '';

const namesOf = (objects: readonly KubeObject[]): ReadonlySet<string> =>
  new Set(objects.map(({ metadata }) => metadata.name));
