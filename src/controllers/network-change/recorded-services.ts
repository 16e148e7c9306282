import * as labels from '../../api/v1alpha1/labels.ts';
import type { RecordedSecurityService } from '../../api/v1alpha1/share-network.ts';
import type { ShareServer } from '../../api/v1alpha1/share-server.ts';
import { type Lag, lagOf } from '../../network-change/up-to-date.ts';
import { nameList } from '../../values/name-list.ts';
import { networkAvailable } from '../status/readiness.ts';
import { comparisonWith, type NetworkScope } from './network-scope.ts';

/** Numbers of share servers and what all of them can do. */
export function countServers({ draft, servers }: NetworkScope): void {
  const inPhase = (phase: string): number => servers.filter(({ status }) => status?.phase === phase).length;
  draft.set({
    shareServers: {
      total: servers.length,
      active: inPhase('active'),
      networkChange: inPhase('network_change'),
      error: inPhase('error'),
    },
    securityServiceUpdateSupport: servers.every(({ spec }) => spec.securityServiceUpdateSupport === true),
  });
}

/** Sets SecurityServicesUpToDate, and Ready where nothing else has set it in this pass. */
export function standAsRecorded(scope: NetworkScope): void {
  const { operator, namespace, draft, servers } = scope;
  const association = draft.status.securityServices ?? [];
  const comparison = comparisonWith(operator, namespace);
  const lagging = Map.groupBy(servers, (server) => lagOf(server, association, comparison));
  // The most urgent first.
  for (const reason of ['UpdateFailed', 'NotAttempted', 'ShareServersOutdated', 'CredentialsChanged'] as const) {
    const behind = lagging.get(reason);
    if (behind === undefined) continue;
    const message = describe(reason, behind, association);
    draft.setCondition('SecurityServicesUpToDate', 'False', reason, message);
    if (reason === 'UpdateFailed' || reason === 'NotAttempted') {
      const [first] = behind;
      const subject = first && { kind: 'ShareServer', name: first.metadata.name };
      draft.setReadiness({ state: 'stalled', reason, message, ...(subject && { subject }) });
    } else draft.setReadiness(networkAvailable);
    return;
  }
  draft.setCondition('SecurityServicesUpToDate', 'True', 'UpToDate', 'every share server has the recorded services');
  draft.setReadiness(networkAvailable);
}

function describe(
  reason: Lag,
  behind: readonly ShareServer[],
  association: readonly RecordedSecurityService[],
): string {
  const names = nameList(behind.map(({ metadata }) => metadata.name));
  switch (reason) {
    case 'UpdateFailed': {
      const first = behind.map(({ status }) => status?.lastError?.message).find((message) => message !== undefined);
      return `share servers ${names} did not take the change: ${first ?? 'see their lastError'}; correct the data, then set the annotation ${labels.reapplyRequestedAt}`;
    }
    case 'NotAttempted':
      return `share servers ${names} keep their old services; set the annotation ${labels.reapplyRequestedAt} to go on`;
    case 'ShareServersOutdated':
      return `share servers ${names} do not have the recorded services ${nameList(association.map(({ name }) => name))}; set the annotation ${labels.reapplyRequestedAt}`;
    case 'CredentialsChanged':
      return `a password changed since share servers ${names} were given it; set the annotation ${labels.reapplyRequestedAt} to apply it`;
  }
}
