import type { Finding } from '../../api/v1alpha1/finding.ts';
import { toReason } from '../../api/v1alpha1/reasons/reason.ts';
import { DriverError, InProgress } from '../../drivers/errors.ts';
import { uidOf } from '../../runtime/kube-object.ts';
import { CallsSuspended, suspendedPauseMs } from '../driver-calls/backend-circuits.ts';
import { driverShare } from '../driver-calls/driver-requests.ts';
import { serverOfShare } from '../driver-calls/server-for-driver.ts';
import { removeFinalizer } from '../lifecycle/finalizers.ts';
import { passOver, type Step } from '../reconcile/step.ts';
import { writeDriverResult } from '../status/driver-result.ts';
import { draftOf, latestOf } from '../status/status-draft.ts';
import { type ShareDraft, type ShareScope, shareCallScope, shareError } from './scope.ts';

/** Calls the driver for a share whose status stores the deletion, and removes the finalizer after it. */
export async function callDelete(scope: ShareScope, waiting: (wait: Finding | undefined) => void): Promise<Step> {
  const { operator, share } = scope;
  try {
    await callDriver(scope, waiting);
  } catch (thrown) {
    const requeueAfterMs = await handleFailure(scope, thrown);
    if (requeueAfterMs !== undefined) return passOver(requeueAfterMs);
  }
  // Nothing that is written meanwhile brings back what is deleted.
  await writeDriverResult(operator, operator.informers.shares, share, (fresh) =>
    removeFinalizer(operator.client, operator.informers.shares, fresh),
  );
  return passOver();
}

async function callDriver(scope: ShareScope, waiting: (wait: Finding | undefined) => void): Promise<void> {
  const { operator, context, share, timeoutMs } = scope;
  const { id = uidOf(share), token } = share.status?.operation ?? {};
  const callScope = { ...shareCallScope(scope), priority: 'denial' } as const;
  const lease = await operator.calls.acquire(callScope, context.signal, timeoutMs, waiting);
  try {
    await lease.call({ operation: 'deleteShare', id, token, timeoutMs }, (driver, call) =>
      driver.deleteShare({ share: driverShare(share), ...serverOfShare(operator, scope) }, call),
    );
  } finally {
    lease.release();
  }
}

/** @returns milliseconds until the deletion is continued; undefined if the storage system does not have the share any more */
async function handleFailure({ operator, share }: ShareScope, thrown: unknown): Promise<number | undefined> {
  const { client, informers } = operator;
  // The latest version may show meanwhile what the call waits for.
  const draft = draftOf(operator, latestOf(informers.shares, share));
  if (thrown instanceof InProgress) {
    const { operation } = share.status ?? {};
    if (operation !== undefined) draft.set({ operation: { ...operation, token: thrown.token } });
    await draft.write(client, informers.shares);
    return thrown.pollAfter * 1000;
  }
  if (thrown instanceof CallsSuspended) return suspendedPauseMs;
  if (!(thrown instanceof DriverError)) throw thrown;
  if (thrown.kind === 'NotFound') return undefined;
  draft.set({
    phase: thrown.kind === 'Unavailable' ? 'deleting' : 'error_deleting',
    lastError: shareError(share, thrown),
  });
  showBlocked(draft, retried(thrown));
  await draft.write(client, informers.shares);
  throw thrown;
}

/** Shows why a deletion has to wait. */
export function showBlocked(draft: ShareDraft, finding: Finding): void {
  draft.setCondition('DeletionBlocked', 'True', finding.reason, finding.message);
  draft.setReadiness({ ...finding, state: 'working' });
}

/** What a failed deletion shows, which is tried again. */
export function retried({ reason, message }: Pick<DriverError, 'reason' | 'message'>): Finding {
  return { reason: toReason(reason), message: `${message}; it is tried again` };
}
