import type { LastNetworkChange } from '../../api/v1alpha1/share-network.ts';
import { timestamp } from '../../runtime/clock.ts';
import type { NetworkScope } from '../network-change/network-scope.ts';
import { resetBy } from '../status/status-reset.ts';

/**
 * Takes note of a phase that somebody else wrote. It is honoured: the record of a change is dropped unless the phase says that
 * the change goes on. Servers that were marked finish by their own record.
 * @returns whether there was one; the draft is to be stored before anything else is decided
 */
export async function observeReset({ operator, network, draft, announcements }: NetworkScope): Promise<boolean> {
  const { phase, recordedPhase, networkChange } = draft.status;
  if (phase === undefined || recordedPhase === undefined || phase === recordedPhase) return false;
  const manager = await resetBy(operator, operator.informers.shareNetworks, network);
  announcements.push({
    type: 'Warning',
    reason: 'StatusReset',
    action: 'ResetStatus',
    note: `phase was set from ${recordedPhase} to ${phase} by ${manager}`,
  });
  draft.set({ recordedPhase: phase });
  if (networkChange === undefined || phase === 'network_change') return true;
  const { id, changes, requestedBy, startedTime } = networkChange;
  const last: LastNetworkChange = {
    id,
    changes,
    requestedBy,
    startedTime,
    finishedTime: timestamp(operator.clock),
    result: 'Reset',
  };
  draft.set({ networkChange: undefined, lastNetworkChange: last });
  const message = `change ${id} was dropped when the phase was set; its share servers finish by their own records`;
  draft.setCondition('SecurityServicesUpToDate', 'Unknown', 'StatusReset', message);
  return true;
}
