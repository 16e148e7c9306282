import type { Finding } from '../../api/v1alpha1/finding.ts';
import { toReason } from '../../api/v1alpha1/reasons/reason.ts';
import type { Share } from '../../api/v1alpha1/share.ts';
import { namespaceView } from '../../cluster-state/namespace-view.ts';
import type { ResizeResult, ShareCreateResult } from '../../drivers/driver.ts';
import { asDriverError, DriverError, InProgress } from '../../drivers/errors.ts';
import { timestamp } from '../../runtime/clock.ts';
import type { ReconcileResult } from '../../runtime/controller.ts';
import { uidOf } from '../../runtime/kube-object.ts';
import { sizeProblem } from '../../scheduling/share-size.ts';
import { formatQuantity, parseQuantity } from '../../values/quantity.ts';
import { safeText } from '../../values/safe-text.ts';
import { CallsSuspended, suspendedPauseMs } from '../driver-calls/backend-circuits.ts';
import type { CallLease } from '../driver-calls/call-lease.ts';
import { boundedExportLocations } from '../driver-calls/driver-data.ts';
import { driverShare } from '../driver-calls/driver-requests.ts';
import { ensureShare } from '../driver-calls/ensure-share.ts';
import { serverOfShare } from '../driver-calls/server-for-driver.ts';
import { writeDriverResult } from '../status/driver-result.ts';
import { reportingWaits } from '../status/long-waits.ts';
import { shareAvailable } from '../status/readiness.ts';
import { draftOf } from '../status/status-draft.ts';
import { noteWarnings } from '../status/warnings.ts';
import { type ShareScope, shareCallScope, shareError, whyWait } from './scope.ts';

/** Makes the placed share on the storage system; its status holds the operation already. */
export async function create(scope: ShareScope): Promise<ReconcileResult | undefined> {
  const { operator, context, share, timeoutMs } = scope;
  const bytes = parseQuantity(share.spec.size) ?? 0;
  return await withOperation(scope, async (lease, fresh) => {
    const result: ShareCreateResult = await lease.call(
      { operation: 'createShare', id: fresh.operation.id, token: fresh.operation.token, timeoutMs },
      (driver, call) =>
        driver.createShare(
          {
            share: driverShare(fresh.share),
            ...serverOfShare(operator, fresh),
          },
          call,
        ),
    );
    context.logger.info({ identifier: result.identifier }, 'share created');
    await writeDriverResult(operator, operator.informers.shares, fresh.share, (latest) => {
      const draft = draftOf(operator, latest);
      draft.set({
        phase: 'available',
        identifier: result.identifier,
        exportLocations: boundedExportLocations(result.exportLocations),
        size: formatQuantity(bytes),
        accessRulesStatus: 'active',
        operation: undefined,
        lastError: undefined,
      });
      noteWarnings(operator, latest, draft, result.warnings);
      draft.setReadiness(shareAvailable);
      // A spec that changed during the call was not looked at.
      draft.set({ observedGeneration: fresh.share.metadata.generation });
      return draft.write(operator.client, operator.informers.shares);
    });
  });
}

/** Grows or shrinks the share to the size that is wished. */
export async function resize(scope: ShareScope): Promise<ReconcileResult | undefined> {
  const { operator, share, draft, timeoutMs } = scope;
  const wanted = parseQuantity(share.spec.size) ?? 0;
  const growing = wanted > (parseQuantity(share.status?.size ?? 0) ?? 0);
  const name = growing ? 'extendShare' : 'shrinkShare';
  const phase = growing ? 'extending' : 'shrinking';
  const id = `resize/${uidOf(share)}/${share.metadata.generation}`;
  const running = share.status?.operation;
  draft.set({
    phase,
    operation: running?.id === id ? running : { id, name, startedTime: timestamp(operator.clock) },
  });
  draft.setReadiness({
    state: 'working',
    reason: 'Resizing',
    message: `the share is being ${growing ? 'extended' : 'shrunk'}`,
  });
  const begun = await draft.write(operator.client, operator.informers.shares);
  return await withOperation({ ...scope, share: begun, draft: draftOf(operator, begun) }, async (lease, fresh) => {
    const tooSmall = sizeProblem(fresh.share.spec.size);
    if (tooSmall !== undefined) throw new DriverError({ kind: 'Rejected', reason: 'InvalidSize', message: tooSmall });
    const result: ResizeResult = await lease.call(
      { operation: name, id, token: fresh.operation.token, timeoutMs },
      (driver, call) => {
        const request = {
          share: driverShare(fresh.share),
          newSize: wanted,
          ...serverOfShare(operator, fresh),
        };
        return growing ? driver.extendShare(request, call) : driver.shrinkShare(request, call);
      },
    );
    await writeDriverResult(operator, operator.informers.shares, fresh.share, (latest) => {
      const latestDraft = draftOf(operator, latest);
      latestDraft.set({
        phase: 'available',
        size: formatQuantity(wanted),
        operation: undefined,
        lastError: undefined,
        ...(result.exportLocations === undefined
          ? {}
          : { exportLocations: boundedExportLocations(result.exportLocations) }),
      });
      noteWarnings(operator, latest, latestDraft, result.warnings);
      latestDraft.setReadiness(shareAvailable);
      latestDraft.set({ observedGeneration: fresh.share.metadata.generation });
      return latestDraft.write(operator.client, operator.informers.shares);
    });
  });
}

interface Fresh {
  readonly share: Share;
  readonly server: ShareScope['server'];
  readonly network: ShareScope['network'];
  readonly operation: NonNullable<NonNullable<Share['status']>['operation']>;
}

/** Runs a driver call of the share, outside of a worker; its failures are stored. */
async function withOperation(
  scope: ShareScope,
  work: (lease: CallLease, fresh: Fresh) => Promise<void>,
): Promise<ReconcileResult | undefined> {
  const { operator, context, share, namespace, timeoutMs } = scope;
  const run = async (waiting: (wait: Finding | undefined) => void): Promise<ReconcileResult | undefined> => {
    try {
      const lease = await operator.calls.acquire(shareCallScope(scope), context.signal, timeoutMs, waiting);
      try {
        // A change of the network may have begun while the lease was waited for.
        const { network, server } = namespaceView(operator, namespace);
        const fresh = {
          ...scope,
          network: share.spec.shareNetworkName === undefined ? undefined : network(share.spec.shareNetworkName),
          server: share.status?.shareServerName === undefined ? undefined : server(share.status.shareServerName),
        };
        if (whyWait(fresh) !== undefined) return { requeueAfterMs: 50 };
        const { operation } = share.status ?? {};
        if (operation === undefined) return undefined;
        try {
          await work(lease, { share, server: fresh.server, network: fresh.network, operation });
        } catch (thrown) {
          if (!(thrown instanceof DriverError) || thrown.kind !== 'NotFound') throw thrown;
          operator.suspects.add(fresh.server);
          if (operation.name === 'createShare' || (await ensureShare(operator, fresh, lease)).exists) throw thrown;
        }
        return undefined;
      } finally {
        lease.release();
      }
    } catch (thrown) {
      return await storeFailure(scope, thrown);
    }
  };
  return await context.outsideWorker(() => reportingWaits(operator, operator.informers.shares, share, run));
}

async function storeFailure({ operator, share }: ShareScope, thrown: unknown): Promise<ReconcileResult | undefined> {
  const { informers, client } = operator;
  const { operation } = share.status ?? {};
  if (thrown instanceof InProgress) {
    await writeDriverResult(operator, informers.shares, share, (fresh) => {
      if (operation === undefined || fresh.status?.operation?.id !== operation.id) return undefined;
      return draftOf(operator, fresh)
        .set({ operation: { ...operation, token: thrown.token } })
        .write(client, informers.shares);
    });
    return { requeueAfterMs: thrown.pollAfter * 1000 };
  }
  if (thrown instanceof CallsSuspended) return { requeueAfterMs: suspendedPauseMs };
  if (!(thrown instanceof DriverError)) throw thrown;
  const error = asDriverError(thrown);
  const final = error.kind !== 'Unavailable';
  const reason = toReason(error.reason);
  const resizing = operation?.name !== 'createShare';
  await writeDriverResult(operator, informers.shares, share, (fresh) => {
    if (fresh.status?.operation?.id !== operation?.id) return undefined;
    const draft = draftOf(operator, fresh);
    if (!final) {
      draft.setReadiness({ state: 'working', reason, message: `${error.message}; it is tried again` });
      return draft.write(client, informers.shares);
    }
    // A refused resize loses nothing: the share stays as it is.
    draft.set({
      phase: resizing ? 'available' : 'error',
      operation: resizing ? undefined : withoutToken(fresh),
      lastError: shareError(share, error),
    });
    if (error.partial?.identifier !== undefined && !resizing) draft.set({ identifier: error.partial.identifier });
    draft.setReadiness({ state: 'stalled', reason, message: error.message });
    // A spec that changed during the call was not tried.
    draft.set({ observedGeneration: share.metadata.generation });
    return draft.write(client, informers.shares);
  });
  if (!final) throw error;
  operator.recorder.event(share, {
    type: 'Warning',
    reason,
    action: operation?.name ?? 'CallDriver',
    note: safeText(error.message),
  });
  return undefined;
}

function withoutToken(share: Share) {
  const { operation } = share.status ?? {};
  if (operation === undefined) return undefined;
  const { token: _ended, ...rest } = operation;
  return rest;
}
