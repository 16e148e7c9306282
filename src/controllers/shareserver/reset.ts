import { resetBy } from '../status-reset.ts';
import type { ServerScope } from './scope.ts';

/** Takes note of a phase that somebody else wrote, and honours it: the record of a change is dropped unless it goes on. */
export async function observeReset({ operator, server, draft }: ServerScope): Promise<void> {
  const { phase, recordedPhase, networkChange } = draft.status;
  if (phase === undefined || recordedPhase === undefined || phase === recordedPhase) return;
  const manager = await resetBy(operator, operator.informers.shareServers, server);
  operator.recorder.event(server, {
    type: 'Warning',
    reason: 'StatusReset',
    action: 'ResetStatus',
    note: `phase was set from ${recordedPhase} to ${phase} by ${manager}`,
  });
  draft.set({ recordedPhase: phase });
  if (phase === 'network_change') return;
  if (networkChange !== undefined) draft.set({ networkChange: undefined, operation: undefined });
  if (phase === 'active' && draft.condition('SecurityServicesUpToDate')?.reason === 'UpdateFailed') {
    draft.setCondition(
      'SecurityServicesUpToDate',
      'Unknown',
      'StatusReset',
      'an administrator set the server to active after a failed update',
    );
  }
}
