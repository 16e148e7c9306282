import type { NetworkChangeRecord, ShareNetwork } from '../../api/v1alpha1/share-network.ts';
import type { ShareServer, ShareServerChange } from '../../api/v1alpha1/share-server.ts';
import { neverSetUp, updateFailed } from '../../network-change/server-state.ts';
import { lagOf, serverChanges } from '../../network-change/up-to-date.ts';
import { timestamp } from '../../runtime/clock.ts';
import { setServiceState } from '../shareserver/service-state.ts';
import { draftOf, ownPhase } from '../status/status-draft.ts';
import { beginning } from './apply-beginning.ts';
import { liveServers } from './live-servers.ts';
import type { NetworkScope } from './network-scope.ts';
import { comparisonOf } from './service-comparison.ts';

/**
 * Marks every server that takes part in a change. Only when all are marked may a driver be called.
 * @returns false when the reconciler of a server first has to honour a phase that an administrator wrote
 */
export async function markServers(scope: NetworkScope, record: NetworkChangeRecord): Promise<boolean> {
  const marks = (await liveServers(scope)).map(async (server): Promise<boolean> => {
    const { phase, recordedPhase = phase } = server.status ?? {};
    if (hasRecorded(server, record) || neverSetUp(server)) return true;
    if (phase !== recordedPhase) return false;
    const changes = changesOf(scope, record, server);
    if (changes.length > 0) await markServer(scope, record, server, changes);
    return true;
  });
  const outcomes = await Promise.allSettled(marks);
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  return outcomes.every((outcome) => outcome.status === 'fulfilled' && outcome.value);
}

/** Whether the server takes part in the change already, or has ended its part. */
function hasRecorded({ status }: ShareServer, { id }: NetworkChangeRecord): boolean {
  return status?.networkChange?.id === id || status?.lastNetworkChange?.id === id;
}

/** What the change means for one server; nothing for one that takes no part in it. */
function changesOf(
  scope: NetworkScope,
  record: NetworkChangeRecord,
  server: ShareServer,
): readonly ShareServerChange[] {
  const association = scope.network.status?.securityServices ?? [];
  const comparison = comparisonOf(scope);
  const phase = server.status?.phase;
  // In error for another reason, which arose since the commit: it keeps what it has.
  if (phase !== 'active' && !(phase === 'error' && updateFailed(server))) return [];
  if (record.scope === 'outdated' && lagOf(server, association, comparison) === undefined) return [];
  return serverChanges(server, record.changes, association, comparison);
}

async function markServer(
  { operator, network, view }: NetworkScope,
  { id }: NetworkChangeRecord,
  server: ShareServer,
  changes: readonly ShareServerChange[],
): Promise<void> {
  const draft = draftOf(operator, server);
  draft.set({ ...ownPhase('network_change'), networkChange: { id, changes } });
  if (!hasRolloutLimits(network)) {
    operator.rollout.stored(id, server);
    draft.set(beginning(server, id, timestamp(operator.clock), view.service, changes));
  }
  const reason = 'NetworkChangeInProgress';
  const message = `takes part in change ${id} of share network ${network.metadata.name}`;
  // A failed update stays recorded until one succeeds.
  if (!updateFailed(server)) setServiceState(draft, reason, message);
  draft.setReadiness({ state: 'working', reason, message });
  await draft.write(operator.client, operator.informers.shareServers);
}

/** Whether servers of the network begin one after another, so that each beginning has to be stored. */
function hasRolloutLimits({ spec }: ShareNetwork): boolean {
  const { maxConcurrentServers, maxFailures } = spec.securityServiceChange ?? {};
  return maxConcurrentServers !== undefined || maxFailures !== undefined;
}
