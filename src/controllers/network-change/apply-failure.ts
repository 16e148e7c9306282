import { toReason } from '../../api/v1alpha1/reasons/reason.ts';
import type { AppliedSecurityService, ShareServerChange } from '../../api/v1alpha1/share-server.ts';
import { DriverError, InProgress } from '../../drivers/errors.ts';
import { CallsSuspended, suspendedPauseMs } from '../driver-calls/backend-circuits.ts';
import { passOver, type Step } from '../reconcile/step.ts';
import { leavePhase, type ServerScope, storedError } from '../shareserver/scope.ts';
import { setServiceState } from '../shareserver/service-state.ts';
import { passService } from '../shareserver/services.ts';
import { writeDriverResult } from '../status/driver-result.ts';
import { draftOf } from '../status/status-draft.ts';
import type { ChangePart } from './change-part.ts';

/**
 * Decides what follows a failed call of a change: tried again until changeTimeout, or stored as the server's failure.
 * @throws what is no answer of a driver, such as a failure of the API server: then the whole step is repeated
 */
export async function handleFailure(part: ChangePart, thrown: unknown): Promise<Step> {
  if (!(thrown instanceof DriverError || thrown instanceof InProgress)) throw thrown;
  const { isTimeUp, lastAnswer } = part;
  const isCutOff = thrown instanceof DriverError && thrown.reason === 'OperationTimeout' && isTimeUp;
  // A call that changeTimeout ended tells less than the answer before.
  if (lastAnswer !== undefined && isCutOff) return await fail(part, lastAnswer);
  part.answered(thrown);
  if (part.leftMs <= 0) return await fail(part, thrown);
  if (thrown instanceof CallsSuspended) return passOver(suspendedPauseMs);
  if (thrown instanceof InProgress) return passOver(await storeProgress(part, thrown));
  if (thrown.kind === 'Unavailable') return passOver(await showUnavailable(part, thrown));
  return await fail(part, thrown);
}

async function fail(part: ChangePart, answer: DriverError | InProgress): Promise<Step> {
  await storeFailure(part, finalError(answer));
  return passOver();
}

/** Stores the token that the driver is asked with again. @returns milliseconds until then */
async function storeProgress(part: ChangePart, { token, pollAfter }: InProgress): Promise<number> {
  const { operator } = part.scope;
  const { shareServers } = operator.informers;
  const pauseMs = part.polled(pollAfter);
  await writeDriverResult(operator, shareServers, part.server, (fresh) => {
    if (fresh.status?.operation?.id !== part.change.id) return undefined;
    const draft = draftOf(operator, fresh).set({ operation: { ...fresh.status.operation, token } });
    return draft.write(operator.client, shareServers);
  });
  return pauseMs;
}

/** Shows why the call is tried again. @returns milliseconds until then */
async function showUnavailable(part: ChangePart, { reason, message, retryAfter }: DriverError): Promise<number> {
  const { operator } = part.scope;
  const { shareServers } = operator.informers;
  const pauseMs = part.failed(retryAfter);
  await writeDriverResult(operator, shareServers, part.server, (fresh) => {
    if (fresh.status?.networkChange?.id !== part.change.id || fresh.status.phase !== 'network_change') return undefined;
    const draft = draftOf(operator, fresh);
    draft.setReadiness({ state: 'working', reason: toReason(reason), message: `${message}; it is tried again` });
    return draft.write(operator.client, shareServers);
  });
  return pauseMs;
}

/** Stores that the server's part of a change has failed, and ends it. */
export async function storeFailure(part: ChangePart, error: DriverError): Promise<void> {
  const { scope, server } = part;
  const { operator } = scope;
  const { id: changeID } = part.change;
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
  part.end();
  if (written === undefined) return;
  operator.recorder.event(server, {
    type: 'Warning',
    reason: 'UpdateFailed',
    action: 'ChangeSecurityServices',
    note: `change ${changeID}: ${error.reason}: ${error.message}`,
  });
}

/** The failure when nothing is tried any more. */
export function finalError(thrown: DriverError | InProgress): DriverError {
  if (thrown instanceof DriverError && thrown.kind !== 'Unavailable') return thrown;
  const last =
    thrown instanceof InProgress ? 'the storage system has not finished' : `${thrown.reason}: ${thrown.message}`;
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
