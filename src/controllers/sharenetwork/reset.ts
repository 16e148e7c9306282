import { timestamp } from '../../runtime/clock.ts';
import type { NetworkScope } from '../network-change/network-scope.ts';
import type { PhaseReset } from '../reconcile/frame.ts';

/**
 * Drops the record of a change when an administrator wrote another phase, unless that phase continues the change. Servers that were
 * marked finish by their own record.
 */
export function dropChange({ operator, draft }: NetworkScope, { to }: PhaseReset): void {
  const { networkChange } = draft.status;
  if (to !== 'error') draft.set({ invalidChange: undefined });
  if (networkChange === undefined || to === 'network_change') return;
  const { id, changes, requestedBy, startedTime } = networkChange;
  draft.set({
    networkChange: undefined,
    lastNetworkChange: {
      id,
      changes,
      requestedBy,
      startedTime,
      finishedTime: timestamp(operator.clock),
      result: 'Reset',
    },
  });
  const message = `change ${id} was dropped when the phase was set; its share servers finish by their own records`;
  draft.setCondition('SecurityServicesUpToDate', 'Unknown', 'StatusReset', message);
}
