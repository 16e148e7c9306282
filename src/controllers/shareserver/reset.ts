import { resetBy } from '../status/status-reset.ts';
import type { ServerScope } from './scope.ts';

/**
 * Takes note of a phase that somebody else wrote, and honours it: the record of a change is dropped unless it goes on.
 * @returns whether there was one; it is stored then, and the next pass goes on from there
 */
export async function observeReset({ operator, server, draft }: ServerScope): Promise<boolean> {
  const { phase, recordedPhase, networkChange } = draft.status;
  if (phase === undefined || recordedPhase === undefined || phase === recordedPhase) return false;
  const { shareServers } = operator.informers;
  const manager = await resetBy(operator, shareServers, server);
  draft.set({ recordedPhase: phase });
  if (phase !== 'network_change') {
    if (networkChange !== undefined) {
      operator.rollout.ended(networkChange.id, server);
      draft.set({ networkChange: undefined, operation: undefined });
    }
    const reason = draft.condition('SecurityServicesUpToDate')?.reason;
    if (reason === 'NetworkChangeInProgress' || (reason === 'UpdateFailed' && phase === 'active')) {
      const message = `an administrator set the phase to ${phase}; which services the server has is not known`;
      draft.setCondition('SecurityServicesUpToDate', 'Unknown', 'StatusReset', message);
    }
  }
  const written = await draft.write(operator.client, shareServers);
  operator.recorder.event(written, {
    type: 'Warning',
    reason: 'StatusReset',
    action: 'ResetStatus',
    note: `phase was set from ${recordedPhase} to ${phase} by ${manager}`,
  });
  return true;
}
