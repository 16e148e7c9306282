import { updateFailed } from '../../network-change/server-state.ts';
import { resetBy } from '../status/status-reset.ts';
import type { ServerScope } from './scope.ts';
import { setServiceState } from './service-state.ts';

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
    // A failed update stays one until the server is said to be well.
    if (updateFailed(server) ? phase === 'active' : networkChange !== undefined) {
      const message = `an administrator set the phase to ${phase}; which services the server has is not known`;
      setServiceState(draft, 'StatusReset', message);
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
