import { toReason } from '../../api/v1alpha1/reasons/reason.ts';
import type { AppliedSecurityService, ShareServerChange } from '../../api/v1alpha1/share-server.ts';
import { DriverError, InProgress } from '../../drivers/errors.ts';
import type { ReconcileResult } from '../../runtime/controller.ts';
import { CallsSuspended, suspendedPauseMs } from '../driver-calls/backend-circuits.ts';
import { writeDriverResult } from '../status/driver-result.ts';
import { draftOf } from '../status/status-draft.ts';
import { type CallProgress, callKey } from './call-progress.ts';
import { leavePhase, type ServerScope, storedError } from './scope.ts';
import { setServiceState } from './service-state.ts';
import { passService } from './services.ts';

/**
 * Decides what follows a failed call of a change: tried again until changeTimeout, or stored as the server's failure.
 * @returns when to go on; undefined when the failure is final and stored
 * @throws what is no driver's verdict, such as a failure of the API server
 */
export async function handleFailure(
  scope: ServerScope,
  changeID: string,
  thrown: unknown,
  progress: CallProgress,
): Promise<ReconcileResult | undefined> {
  const { operator, server, timeouts } = scope;
  const { informers } = operator;
  const key = callKey(changeID, server);
  const leftMs = progress.leftMs(key, timeouts.change);
  // A failure of the API server is nobody's verdict: the whole step is repeated.
  if (!(thrown instanceof DriverError || thrown instanceof InProgress)) throw thrown;
  const earlier = progress.lastAnswer(key);
  if (earlier !== undefined && isCutOff(thrown, leftMs, timeouts.change)) {
    await storeFailure(scope, changeID, finalError(earlier));
    return undefined;
  }
  progress.answered(key, thrown);
  if (thrown instanceof CallsSuspended && leftMs > 0) return { requeueAfterMs: suspendedPauseMs };
  if (thrown instanceof InProgress && leftMs > 0) {
    const requeueAfterMs = progress.polled(key, thrown.pollAfter * 1000, leftMs);
    await writeDriverResult(operator, informers.shareServers, server, (fresh) => {
      if (fresh.status?.operation?.id !== changeID) return undefined;
      const draft = draftOf(operator, fresh);
      draft.set({ operation: { ...fresh.status.operation, token: thrown.token } });
      return draft.write(operator.client, informers.shareServers);
    });
    return { requeueAfterMs };
  }
  if (thrown instanceof DriverError && thrown.kind === 'Unavailable' && leftMs > 0) {
    const { reason, message, retryAfter } = thrown;
    const requeueAfterMs = progress.failed(key, retryAfter === undefined ? undefined : retryAfter * 1000, leftMs);
    await writeDriverResult(operator, informers.shareServers, server, (fresh) => {
      if (fresh.status?.networkChange?.id !== changeID || fresh.status.phase !== 'network_change') return undefined;
      const draft = draftOf(operator, fresh);
      draft.setReadiness({ state: 'working', reason: toReason(reason), message: `${message}; it is tried again` });
      return draft.write(operator.client, informers.shareServers);
    });
    return { requeueAfterMs };
  }
  await storeFailure(scope, changeID, finalError(thrown));
  return undefined;
}

/** Milliseconds that a last call must have to be worth it. */
export function shortestCallMs(changeTimeoutMs: number): number {
  return Math.min(1000, changeTimeoutMs / 10);
}

/** Whether a call ended with changeTimeout and not by itself: it tells less than the answer before. */
function isCutOff(thrown: DriverError | InProgress, leftMs: number, changeTimeoutMs: number): boolean {
  return (
    thrown instanceof DriverError && thrown.reason === 'OperationTimeout' && leftMs < shortestCallMs(changeTimeoutMs)
  );
}

/** Stores that the server's part of a change has failed for good. */
export async function storeFailure(scope: ServerScope, changeID: string, error: DriverError): Promise<void> {
  const { operator, server } = scope;
  const { informers } = operator;
  const written = await writeDriverResult(operator, informers.shareServers, server, (fresh) => {
    const change = fresh.status?.networkChange;
    if (change?.id !== changeID) return undefined;
    const draft = draftOf(operator, fresh);
    draft.set({
      networkChange: undefined,
      operation: undefined,
      lastNetworkChange: { id: changeID, result: 'Failed' },
      lastError: storedError(operator, 'updateShareServerSecurityService', error),
      attempted: change.changes
        .filter(({ done }) => done !== true)
        .map(({ type, to }) => attemptedService(scope, type, to)),
    });
    setServiceState(draft, 'UpdateFailed', error.message);
    leavePhase(draft, 'network_change', 'error', { state: 'stalled', reason: 'UpdateFailed', message: error.message });
    return draft.write(operator.client, informers.shareServers);
  });
  if (written === undefined) return;
  operator.recorder.event(server, {
    type: 'Warning',
    reason: 'UpdateFailed',
    action: 'ChangeSecurityServices',
    note: `change ${changeID}: ${error.reason}: ${error.message}`,
  });
}

/** The verdict when nothing is tried any more. */
export function finalError(thrown: DriverError | InProgress): DriverError {
  if (thrown instanceof DriverError && thrown.kind !== 'Unavailable') return thrown;
  const last =
    thrown instanceof InProgress ? 'the storage system is still at it' : `${thrown.reason}: ${thrown.message}`;
  return new DriverError({
    kind: 'Rejected',
    reason: 'ChangeTimedOut',
    message: `not finished within the backend's changeTimeout; the last answer was ${last}`,
  });
}

function attemptedService(scope: ServerScope, type: AppliedSecurityService['type'], to: ShareServerChange['to']) {
  try {
    return passService(scope, to).applied;
  } catch {
    // The service is gone: what is known of it is its record.
    return { type, name: to.name, uid: to.uid, generation: to.generation };
  }
}
