import * as labels from '../../api/v1alpha1/labels.ts';
import type { NetworkChangeRecord, ShareNetwork } from '../../api/v1alpha1/share-network.ts';
import type { ShareServer } from '../../api/v1alpha1/share-server.ts';
import { staleCache } from '../lifecycle/live.ts';
import { showStep } from '../reconcile/pass.ts';
import { type BlockedStep, type Step, stalled, stop, withRequeue } from '../reconcile/step.ts';
import { networkAvailable } from '../status/readiness.ts';
import { ownPhase } from '../status/status-draft.ts';
import { finishChange } from './finish.ts';
import { liveServers } from './live-servers.ts';
import { markServers } from './mark.ts';
import type { NetworkScope } from './network-scope.ts';
import { showChange, showRecordedServices } from './recorded-services.ts';

/** Takes a committed change one stage further: marks the servers, waits while drivers apply it, finishes it. */
export async function progressChange(scope: NetworkScope, record: NetworkChangeRecord): Promise<Step> {
  const { draft, network } = scope;
  if (!isConsistent(network, record)) return failInvalidRecord(scope, record);
  const present = withAbort(scope, record);
  const inProgress = showChange(scope, present);
  if (present.stage === 'marking') {
    // Who wrote the phase of a server is recorded before the server is judged.
    if (!(await markServers(scope, present))) return withRequeue(inProgress, 100);
    draft.set({ networkChange: { ...present, stage: 'applying' } });
    return inProgress;
  }
  if (scope.servers.some(isChanging)) return inProgress;
  const servers = await liveServers(scope);
  if (servers.some(isChanging)) return withRequeue(inProgress, staleCache.requeueAfterMs);
  finishChange({ ...scope, servers }, present);
  showStep(draft, showRecordedServices({ ...scope, servers }), networkAvailable);
  // What the spec asks for next is decided on what is stored.
  return stop();
}

/** What a network in error says whose change cannot be determined. */
export function changeRecordInvalid(id: string): BlockedStep {
  const message = `change ${id} and the recorded association contradict each other; set the phase to active when the share servers are as they should be`;
  return stalled({ reason: 'ChangeRecordInvalid', message });
}

function isChanging({ status }: ShareServer): boolean {
  return status?.phase === 'network_change';
}

/** Whether the record and the association agree: they are written together. */
function isConsistent({ status }: ShareNetwork, { changes }: NetworkChangeRecord): boolean {
  const recorded = status?.securityServices ?? [];
  return (
    changes.length > 0 &&
    changes.every(({ type, to }) => recorded.some((entry) => entry.type === type && entry.uid === to.uid))
  );
}

/** The state of the change cannot be determined any more: an administrator has to decide. */
function failInvalidRecord({ draft, events }: NetworkScope, { id }: NetworkChangeRecord): Step {
  const step = changeRecordInvalid(id);
  const { reason, message } = step.finding;
  draft.set({ ...ownPhase('error'), networkChange: undefined, invalidChange: id });
  draft.setCondition('SecurityServicesUpToDate', 'Unknown', reason, message);
  events.push({ type: 'Warning', reason, action: 'ChangeSecurityServices', note: message });
  return step;
}

/** The record, with an abort that was requested meanwhile. */
function withAbort({ draft, network, events }: NetworkScope, record: NetworkChangeRecord): NetworkChangeRecord {
  if (network.metadata.annotations?.[labels.abortChange] !== record.id || record.aborted === true) return record;
  const aborted = { ...record, aborted: true };
  draft.set({ networkChange: aborted });
  events.push({
    type: 'Normal',
    reason: 'NetworkChangeAborted',
    action: 'ChangeSecurityServices',
    note: `change ${record.id}: share servers not yet begun keep their old services`,
  });
  return aborted;
}
