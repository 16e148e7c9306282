import type { KubeObject } from '../runtime/kube-object.ts';
import type { ClusterState } from './cluster-state.ts';

/** Names what is on a StorageBackend, and so keeps it and its identity: `Kind namespace/name` each. */
export function usersOfBackend({ informers }: Pick<ClusterState, 'informers'>, name: string): readonly string[] {
  const { shares, shareServers } = informers;
  const placed = shares.cache.byIndex('byBackend', name).filter(({ status }) => status?.backendName === name);
  const named = ({ metadata }: KubeObject): string => `${metadata.namespace}/${metadata.name}`;
  return [
    ...placed.map((share) => `Share ${named(share)}`),
    ...shareServers.cache.byIndex('byBackend', name).map((server) => `ShareServer ${named(server)}`),
  ];
}
