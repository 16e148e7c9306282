import type { SecurityService } from '../api/v1alpha1/security-service.ts';
import type { ClusterState } from './cluster-state.ts';
import { networksRecording } from './namespace-view.ts';

/** Names what has a SecurityService or is being given it, and so keeps it: `Kind name` each. */
export function usersOfService(state: Pick<ClusterState, 'informers'>, service: SecurityService): readonly string[] {
  const { namespace = '', uid } = service.metadata;
  const servers = state.informers.shareServers.cache
    .list(namespace)
    .filter(({ status }) => status?.securityServices?.some((applied) => applied.uid === uid));
  return [
    ...networksRecording(state, service).map(({ metadata }) => `ShareNetwork ${metadata.name}`),
    ...servers.map(({ metadata }) => `ShareServer ${metadata.name}`),
  ];
}
