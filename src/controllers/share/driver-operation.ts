import type { Finding } from '../../api/v1alpha1/finding.ts';
import type { Operation } from '../../api/v1alpha1/operation.ts';
import { toReason } from '../../api/v1alpha1/reasons/reason.ts';
import type { Share, ShareStatus } from '../../api/v1alpha1/share.ts';
import { placementOf } from '../../cluster-state/share-placement.ts';
import type { WarningsResult } from '../../drivers/driver.ts';
import { DriverError, InProgress } from '../../drivers/errors.ts';
import { safeText } from '../../values/safe-text.ts';
import { CallsSuspended, suspendedPauseMs } from '../driver-calls/backend-circuits.ts';
import type { CallLease } from '../driver-calls/call-lease.ts';
import { ensureShare } from '../driver-calls/ensure-share.ts';
import { passOver, type Step } from '../reconcile/step.ts';
import { writeDriverResult } from '../status/driver-result.ts';
import { reportingWaits } from '../status/long-waits.ts';
import { shareAvailable } from '../status/readiness.ts';
import { draftOf } from '../status/status-draft.ts';
import { noteWarnings } from '../status/warnings.ts';
import { type ShareDraft, type ShareScope, shareCallScope, shareError, whyNoCall } from './scope.ts';

/** Makes a call, and stores its result. @param fresh the scope with what the share is placed on, as of the lease */
type Work = (lease: CallLease, fresh: ShareScope, operation: Operation) => Promise<void>;

/** Calls the driver for a share whose status stores the operation, without a worker, and stores a failure. */
export async function callForShare(scope: ShareScope, work: Work): Promise<Step> {
  const { operator, context, share } = scope;
  const requeueAfterMs = await context.outsideWorker(() =>
    reportingWaits(operator, operator.informers.shares, share, async (waiting) => {
      try {
        return await callWithLease(scope, work, waiting);
      } catch (thrown) {
        return await storeFailure(scope, thrown);
      }
    }),
  );
  return passOver(requeueAfterMs);
}

/** @returns milliseconds until the call is tried again; undefined if its result is stored */
async function callWithLease(
  scope: ShareScope,
  work: Work,
  waiting: (wait: Finding | undefined) => void,
): Promise<number | undefined> {
  const { operator, context, share, timeoutMs } = scope;
  const lease = await operator.calls.acquire(shareCallScope(scope), context.signal, timeoutMs, waiting);
  try {
    // A change of the network may have begun while the lease was acquired.
    const { network, server } = placementOf(operator, share);
    const fresh = { ...scope, network, server };
    if (whyNoCall(fresh) !== undefined) return 50;
    const { operation } = share.status ?? {};
    if (operation === undefined) return undefined;
    try {
      await work(lease, fresh, operation);
    } catch (thrown) {
      if (!(thrown instanceof DriverError) || thrown.kind !== 'NotFound') throw thrown;
      operator.suspects.add(server);
      if (operation.name === 'createShare' || (await ensureShare(operator, fresh, lease)).exists) throw thrown;
    }
    return undefined;
  } finally {
    lease.release();
  }
}

/** Stores the result of an operation, which leaves the share available. */
export async function storeResult(
  { operator, share }: ShareScope,
  { warnings }: WarningsResult,
  changes: Partial<ShareStatus>,
): Promise<void> {
  const { shares } = operator.informers;
  await writeDriverResult(operator, shares, share, (latest) => {
    const draft = draftOf(operator, latest);
    draft.set({ ...changes, phase: 'available', operation: undefined, lastError: undefined });
    noteWarnings(operator, latest, draft, warnings);
    draft.setReadiness(shareAvailable);
    // A spec that changed during the call was not considered.
    draft.set({ observedGeneration: share.metadata.generation });
    return draft.write(operator.client, shares);
  });
}

/** @returns milliseconds until the operation is continued; undefined if the failure is stored @throws what is tried again */
async function storeFailure(scope: ShareScope, thrown: unknown): Promise<number | undefined> {
  const { operator, share } = scope;
  const { operation } = share.status ?? {};
  if (thrown instanceof InProgress) {
    await update(scope, (draft) => {
      if (operation !== undefined) draft.set({ operation: { ...operation, token: thrown.token } });
    });
    return thrown.pollAfter * 1000;
  }
  if (thrown instanceof CallsSuspended) return suspendedPauseMs;
  if (!(thrown instanceof DriverError)) throw thrown;
  const { message } = thrown;
  const reason = toReason(thrown.reason);
  if (thrown.kind === 'Unavailable') {
    await update(scope, (draft) => {
      draft.setReadiness({ state: 'working', reason, message: `${message}; it is tried again` });
    });
    throw thrown;
  }
  await update(scope, (draft) => setFailure(draft, share, thrown));
  operator.recorder.event(share, {
    type: 'Warning',
    reason,
    action: operation?.name ?? 'CallDriver',
    note: safeText(message),
  });
  return undefined;
}

/** @param share the version that the driver was called for */
function setFailure(draft: ShareDraft, share: Share, error: DriverError): void {
  const { operation } = draft.status;
  if (operation?.name === 'createShare') {
    const { token: _ended, ...rest } = operation;
    draft.set({ phase: 'error', operation: rest });
    if (error.partial?.identifier !== undefined) draft.set({ identifier: error.partial.identifier });
  } else {
    // A refused resize loses nothing: the share stays as it is.
    draft.set({ phase: 'available', operation: undefined });
  }
  draft.set({ lastError: shareError(share, error) });
  draft.setReadiness({ state: 'stalled', reason: toReason(error.reason), message: error.message });
  // A spec that changed during the call was not tried.
  draft.set({ observedGeneration: share.metadata.generation });
}

/** Changes the latest version of the share, unless its operation is another one by then. */
async function update({ operator, share }: ShareScope, change: (draft: ShareDraft) => void): Promise<void> {
  const { shares } = operator.informers;
  await writeDriverResult(operator, shares, share, (latest) => {
    if (latest.status?.operation?.id !== share.status?.operation?.id) return undefined;
    const draft = draftOf(operator, latest);
    change(draft);
    return draft.write(operator.client, shares);
  });
}
