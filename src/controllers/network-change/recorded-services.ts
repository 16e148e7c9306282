import * as labels from '../../api/v1alpha1/labels.ts';
import type { NetworkChangeRecord, RecordedSecurityService } from '../../api/v1alpha1/share-network.ts';
import type { ShareServer } from '../../api/v1alpha1/share-server.ts';
import { type Lag, lagOf } from '../../network-change/up-to-date.ts';
import { nameList } from '../../values/name-list.ts';
import { type BlockedStep, done, type Step, stalled, wait } from '../reconcile/step.ts';
import type { NetworkScope } from './network-scope.ts';
import { comparisonOf } from './service-comparison.ts';

/** Shows that the network is being changed. */
export function showChange({ draft }: NetworkScope, { id, changes }: NetworkChangeRecord): BlockedStep {
  const names = changes.map(({ type, to }) => `${type} ${to.name}`);
  const reason = 'NetworkChangeInProgress';
  const message = `share servers are being given ${nameList(names)} (change ${id})`;
  draft.setCondition('SecurityServicesUpToDate', 'False', reason, message);
  return wait({ reason, message });
}

/** The most urgent first. */
const lags = ['UpdateFailed', 'NotAttempted', 'ShareServersOutdated', 'CredentialsChanged'] as const;

/** A phase: shows whether the share servers have the recorded services. Those that miss an update stall the network. */
export function showRecordedServices(scope: NetworkScope): Step {
  const { draft, servers } = scope;
  const association = draft.status.securityServices ?? [];
  const comparison = comparisonOf(scope);
  const lagging = Map.groupBy(servers, (server) => lagOf(server, association, comparison));
  for (const reason of lags) {
    const behind = lagging.get(reason);
    if (behind === undefined) continue;
    const message = describe(reason, behind, association);
    draft.setCondition('SecurityServicesUpToDate', 'False', reason, message);
    if (reason !== 'UpdateFailed' && reason !== 'NotAttempted') return done;
    const [first] = behind;
    return stalled({ reason, message, ...(first && { subject: { kind: 'ShareServer', name: first.metadata.name } }) });
  }
  draft.setCondition('SecurityServicesUpToDate', 'True', 'UpToDate', 'every share server has the recorded services');
  return done;
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
      return `the change failed on share servers ${names}: ${first ?? 'see their lastError'}; correct the data, then set the annotation ${labels.reapplyRequestedAt}`;
    }
    case 'NotAttempted':
      return `share servers ${names} keep their old services; set the annotation ${labels.reapplyRequestedAt} to continue the change`;
    case 'ShareServersOutdated':
      return `share servers ${names} do not have the recorded services ${nameList(association.map(({ name }) => name))}; set the annotation ${labels.reapplyRequestedAt}`;
    case 'CredentialsChanged':
      return `a password changed since it was applied to share servers ${names}; set the annotation ${labels.reapplyRequestedAt} to apply it`;
  }
}
