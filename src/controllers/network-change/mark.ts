import * as labels from '../../api/v1alpha1/labels.ts';
import type { NetworkChangeRecord, ShareNetwork } from '../../api/v1alpha1/share-network.ts';
import type { ShareServer } from '../../api/v1alpha1/share-server.ts';
import { namespaceView } from '../../cluster-state/namespace-view.ts';
import { neverSetUp, updateFailed } from '../../network-change/server-state.ts';
import { lagOf, serverChanges } from '../../network-change/up-to-date.ts';
import { timestamp } from '../../runtime/clock.ts';
import type { ReconcileResult } from '../../runtime/controller.ts';
import { nameList } from '../../values/name-list.ts';
import { listLive, staleCache } from '../lifecycle/live.ts';
import { beginning } from '../shareserver/change-beginning.ts';
import { setServiceState } from '../shareserver/service-state.ts';
import { draftOf, ownPhase } from '../status/status-draft.ts';
import { comparisonWith, type NetworkScope } from './network-scope.ts';

/** Reason of a network in error whose change can't be told any more. */
export const changeRecordInvalid = 'ChangeRecordInvalid';

/** Share servers of the network as the API server has them now. */
export async function liveServers({ operator, network, namespace }: NetworkScope): Promise<readonly ShareServer[]> {
  const fieldSelector = `spec.shareNetworkName=${network.metadata.name}`;
  return await listLive(operator, operator.informers.shareServers, { namespace, fieldSelector });
}

/** How a network stands while it changes. */
export function standInChange({ draft }: NetworkScope, record: NetworkChangeRecord): void {
  const names = record.changes.map(({ type, to }) => `${type} ${to.name}`);
  const reason = 'NetworkChangeInProgress';
  const message = `share servers are being given ${nameList(names)} (change ${record.id})`;
  draft.setCondition('SecurityServicesUpToDate', 'False', reason, message);
  draft.setReadiness({ state: 'working', reason, message });
}

/** Takes a committed change one step further: marks servers, lets drivers begin, finishes. */
export async function advance(scope: NetworkScope, record: NetworkChangeRecord): Promise<ReconcileResult | undefined> {
  const { draft, network, announcements } = scope;
  if (!isWhole(network, record)) {
    failWithoutRecord(scope, record);
    return undefined;
  }
  if (network.metadata.annotations?.[labels.abortChange] === record.id && record.aborted !== true) {
    draft.set({ networkChange: { ...record, aborted: true } });
    announcements.push({
      type: 'Normal',
      reason: 'NetworkChangeAborted',
      action: 'ChangeSecurityServices',
      note: `change ${record.id}: share servers not yet begun keep their old services`,
    });
  }
  const present = draft.status.networkChange ?? record;
  standInChange(scope, present);
  if (present.stage === 'marking') {
    // Somebody set the phase of a server: that is taken note of before the server is judged.
    if (!(await markServers(scope, present))) return { requeueAfterMs: 100 };
    draft.set({ networkChange: { ...present, stage: 'applying' } });
    return undefined;
  }
  const isChanging = ({ status }: ShareServer): boolean => status?.phase === 'network_change';
  if (scope.servers.some(isChanging)) return undefined;
  const servers = await liveServers(scope);
  if (servers.some(isChanging)) return staleCache;
  finish({ ...scope, servers }, present);
  return undefined;
}

/** Whether the record and the association still say the same: they are written together. */
function isWhole({ status }: ShareNetwork, record: NetworkChangeRecord): boolean {
  const recorded = status?.securityServices ?? [];
  return (
    record.changes.length > 0 &&
    record.changes.every(({ type, to }) => recorded.some((entry) => entry.type === type && entry.uid === to.uid))
  );
}

/** Nobody can tell any more where the change stands: an administrator has to look. */
function failWithoutRecord({ draft, announcements }: NetworkScope, record: NetworkChangeRecord): void {
  const message = `change ${record.id} and the recorded association contradict each other; set the phase to active when the share servers are as they should be`;
  draft.set({ ...ownPhase('error'), networkChange: undefined });
  draft.setCondition('SecurityServicesUpToDate', 'Unknown', changeRecordInvalid, message);
  draft.setReadiness({ state: 'stalled', reason: changeRecordInvalid, message });
  announcements.push({ type: 'Warning', reason: changeRecordInvalid, action: 'ChangeSecurityServices', note: message });
}

/**
 * Marks every server that takes part. Only when all are marked may a driver be called.
 * @returns false when a server has to be looked at again
 */
async function markServers(scope: NetworkScope, record: NetworkChangeRecord): Promise<boolean> {
  const { operator, network, namespace } = scope;
  const association = network.status?.securityServices ?? [];
  const comparison = comparisonWith(operator, namespace);
  const marks = (await liveServers(scope)).map(async (server): Promise<boolean> => {
    const { status } = server;
    if (status?.networkChange?.id === record.id || status?.lastNetworkChange?.id === record.id) return true;
    if (neverSetUp(server)) return true;
    if (status?.phase !== (status?.recordedPhase ?? status?.phase)) return false;
    // In error for another reason: since the commit, by an administrator or lost. It keeps what it has.
    if (status?.phase !== 'active' && !(status?.phase === 'error' && updateFailed(server))) return true;
    if (record.scope === 'outdated' && lagOf(server, association, comparison) === undefined) return true;
    const changes = serverChanges(server, record.changes, association, comparison);
    if (changes.length === 0) return true;
    const draft = draftOf(operator, server);
    draft.set({ ...ownPhase('network_change'), networkChange: { id: record.id, changes } });
    if (!isRolledOutInSteps(network)) {
      const { service } = namespaceView(operator, namespace);
      operator.rollout.stored(record.id, server);
      draft.set(beginning(server, record.id, timestamp(operator.clock), service, changes));
    }
    const reason = 'NetworkChangeInProgress';
    const message = `takes part in change ${record.id} of share network ${network.metadata.name}`;
    // The mark of a failed update stays until one succeeds.
    if (!updateFailed(server)) setServiceState(draft, reason, message);
    draft.setReadiness({ state: 'working', reason, message });
    await draft.write(operator.client, operator.informers.shareServers);
    return true;
  });
  const outcomes = await Promise.allSettled(marks);
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  return outcomes.every((outcome) => outcome.status === 'fulfilled' && outcome.value);
}

/** Whether servers of the network begin one after another, so that each beginning has to be stored. */
function isRolledOutInSteps(network: ShareNetwork | undefined): boolean {
  const policy = network?.spec.securityServiceChange;
  return policy?.maxConcurrentServers !== undefined || policy?.maxFailures !== undefined;
}

/** Reason of the event, by result. */
const endedReasons = {
  Succeeded: 'NetworkChangeSucceeded',
  Failed: 'NetworkChangeFailed',
  Stopped: 'NetworkChangeStopped',
} as const;

function finish({ operator, draft, servers, announcements }: NetworkScope, record: NetworkChangeRecord): void {
  const outcomes = servers.filter(({ status }) => status?.lastNetworkChange?.id === record.id);
  const named = (result: string): readonly string[] =>
    outcomes
      .filter(({ status }) => status?.lastNetworkChange?.result === result)
      .map(({ metadata }) => metadata.name)
      .sort();
  const failed = named('Failed');
  const notAttempted = named('NotAttempted');
  const result = failed.length > 0 ? 'Failed' : notAttempted.length > 0 ? 'Stopped' : 'Succeeded';
  const { id, changes, requestedBy, startedTime } = record;
  draft.set({
    ...ownPhase('active'),
    networkChange: undefined,
    lastNetworkChange: {
      id,
      changes,
      requestedBy,
      startedTime,
      finishedTime: timestamp(operator.clock),
      result,
      ...(failed.length === 0 ? {} : { failedServers: failed.slice(0, 5), failed: failed.length }),
      ...(notAttempted.length === 0 ? {} : { notAttempted: notAttempted.length }),
    },
  });
  const details = [
    ...(failed.length === 0 ? [] : [`failed on ${nameList(failed)}`]),
    ...(notAttempted.length === 0 ? [] : [`not attempted on ${nameList(notAttempted)}`]),
  ];
  announcements.push({
    type: result === 'Succeeded' ? 'Normal' : 'Warning',
    reason: endedReasons[result],
    action: 'ChangeSecurityServices',
    note: `change ${id} ended: ${details.length === 0 ? 'every share server has the new services' : details.join('; ')}`,
  });
}
