import type { ShareServerStatus } from '../../api/v1alpha1/share-server.ts';
import type { ServerDraft } from './scope.ts';

interface ServiceState {
  readonly status: 'True' | 'False' | 'Unknown';
  readonly missedUpdate?: ShareServerStatus['missedUpdate'];
}

/** Whether a server has the services that its network records, by the reason of the condition. */
const states = {
  UpToDate: { status: 'True' },
  NetworkChangeInProgress: { status: 'False' },
  UpdateFailed: { status: 'False', missedUpdate: 'Failed' },
  NotAttempted: { status: 'False', missedUpdate: 'NotAttempted' },
  StatusReset: { status: 'Unknown' },
} as const;

/** Sets the field that decisions read together with the condition that explains it. */
export function setServiceState(draft: ServerDraft, reason: keyof typeof states, message: string): void {
  const { status, missedUpdate }: ServiceState = states[reason];
  draft.set({ missedUpdate }).setCondition('SecurityServicesUpToDate', status, reason, message);
}
