import { updateFailed } from '../../network-change/server-state.ts';
import type { PhaseReset } from '../reconcile/frame.ts';
import type { ServerScope } from './scope.ts';
import { setServiceState } from './service-state.ts';

/** Ends the server's part of a change when an administrator wrote another phase, unless that phase continues it. */
export function dropChange({ operator, server, draft }: ServerScope, { to }: PhaseReset): void {
  if (to === 'network_change') return;
  const { networkChange } = draft.status;
  if (networkChange !== undefined) {
    operator.rollout.ended(networkChange.id, server);
    draft.set({ networkChange: undefined, operation: undefined });
  }
  // A failed update stays recorded until the administrator declares the server active.
  if (updateFailed(server) ? to === 'active' : networkChange !== undefined) {
    const message = `an administrator set the phase to ${to}; which services the server has is not known`;
    setServiceState(draft, 'StatusReset', message);
  }
}
