import { mayBeGranted } from '../../access-rules/plan.ts';
import type { Finding } from '../../api/v1alpha1/finding.ts';
import { toReason } from '../../api/v1alpha1/reasons/reason.ts';
import type { ShareAccess } from '../../api/v1alpha1/share-access.ts';
import { namespaceView } from '../../cluster-state/namespace-view.ts';
import { mayAbandon } from '../../cluster-state/requests.ts';
import { asDriverError, DriverError, InProgress } from '../../drivers/errors.ts';
import { timestamp } from '../../runtime/clock.ts';
import type { ReconcileResult } from '../../runtime/controller.ts';
import { uidOf } from '../../runtime/kube-object.ts';
import { nameList } from '../../values/name-list.ts';
import { CallsSuspended, suspendedPauseMs } from '../driver-calls/backend-circuits.ts';
import { driverShare } from '../driver-calls/driver-requests.ts';
import { serverOfShare } from '../driver-calls/server-for-driver.ts';
import { removeFinalizer } from '../lifecycle/finalizers.ts';
import { isPlacementCurrent, listRulesLive, staleCache } from '../lifecycle/live.ts';
import { writeDriverResult } from '../status/driver-result.ts';
import { whyNoRemoval } from '../status/findings.ts';
import { reportingWaits } from '../status/long-waits.ts';
import { draftOf, latestOf } from '../status/status-draft.ts';
import { type ShareDraft, type ShareScope, shareCallScope, shareError } from './scope.ts';

/** Takes the share off the storage system, its rules first, and lets the object go. Deletion is tried for ever. */
export async function deleteShare(scope: ShareScope): Promise<ReconcileResult | undefined> {
  const { operator, context, share, draft, server, backend } = scope;
  const { client, informers } = operator;
  const { backendName, identifier, operation } = share.status ?? {};
  if (mayAbandon(share, backend)) {
    if (!(await isPlacementCurrent(operator, scope))) return staleCache;
    operator.recorder.event(share, {
      type: 'Warning',
      reason: 'Abandoned',
      action: 'DeleteShare',
      note: `forgotten without asking backend ${backendName}; there remains ${identifier ?? 'nothing known'}`,
    });
    return await letGo(scope);
  }
  const neverSent = identifier === undefined && (operation === undefined || server?.status?.identifier === undefined);
  if (backendName === undefined || (neverSent && server !== undefined) || (neverSent && operation === undefined)) {
    if (!(await isPlacementCurrent(operator, scope))) return staleCache;
    return await letGo(scope);
  }
  const block = async (wait: Finding): Promise<undefined> => {
    standBlocked(draft, wait);
    await draft.write(client, informers.shares);
    return undefined;
  };
  draft.set({ phase: share.status?.phase === 'error_deleting' ? 'error_deleting' : 'deleting' });
  const wait = whyNoRemoval(scope);
  if (wait !== undefined) return await block(wait);
  const blockedByRules = (rules: readonly ShareAccess[]): Finding | undefined => {
    const granted = rules.filter(mayBeGranted);
    if (granted.length === 0) return undefined;
    const names = nameList(granted.map(({ metadata }) => metadata.name));
    return { reason: 'AccessRulesExist', message: `its access is being taken away first: ${names}` };
  };
  const known = blockedByRules(namespaceView(operator, scope.namespace).rulesOf(share.metadata.name));
  if (known !== undefined) return await block(known);
  // What goes on on the storage system was decided before.
  if (operation?.name !== 'deleteShare' || operation.token === undefined) {
    if (!(await isPlacementCurrent(operator, scope))) return staleCache;
    const live = blockedByRules(await listRulesLive(operator, share));
    if (live !== undefined) return await block(live);
  }
  if (share.spec.deletionPolicy === 'Retain') {
    await retain(scope, identifier ?? uidOf(share));
    return await letGo(scope);
  }
  draft.set({
    operation:
      operation?.name === 'deleteShare'
        ? operation
        : { id: `delete/${uidOf(share)}`, name: 'deleteShare', startedTime: timestamp(operator.clock) },
  });
  const { lastError } = draft.status;
  // The failure of the last call remains shown until the next one has ended.
  if (lastError?.operation === 'deleteShare') standBlocked(draft, triedAgain(lastError));
  else {
    draft.removeCondition('DeletionBlocked');
    draft.setReadiness({ state: 'working', reason: 'Deleting', message: 'the share is being deleted' });
  }
  const begun = await draft.write(client, informers.shares);
  const marked = { ...scope, share: begun, draft: draftOf(operator, begun) };
  return await context.outsideWorker(() =>
    reportingWaits(operator, informers.shares, begun, (waiting) => callDelete(marked, waiting)),
  );
}

async function callDelete(
  scope: ShareScope,
  waiting: (wait: Finding | undefined) => void,
): Promise<ReconcileResult | undefined> {
  const { operator, context, share, network, server, timeoutMs } = scope;
  const { client, informers } = operator;
  const { operation } = share.status ?? {};
  try {
    const callScope = { ...shareCallScope(scope), priority: 'denial' } as const;
    const lease = await operator.calls.acquire(callScope, context.signal, timeoutMs, waiting);
    try {
      await lease.call(
        { operation: 'deleteShare', id: operation?.id ?? uidOf(share), token: operation?.token, timeoutMs },
        (driver, call) =>
          driver.deleteShare(
            {
              share: driverShare(share),
              ...serverOfShare(operator, { server, network }),
            },
            call,
          ),
      );
    } finally {
      lease.release();
    }
  } catch (thrown) {
    // It may have said meanwhile what it waits for.
    const draft = draftOf(operator, latestOf(informers.shares, share));
    if (thrown instanceof InProgress) {
      if (operation !== undefined) draft.set({ operation: { ...operation, token: thrown.token } });
      await draft.write(client, informers.shares);
      return { requeueAfterMs: thrown.pollAfter * 1000 };
    }
    if (thrown instanceof CallsSuspended) return { requeueAfterMs: suspendedPauseMs };
    if (!(thrown instanceof DriverError)) throw thrown;
    const error = asDriverError(thrown);
    if (error.kind !== 'NotFound') {
      draft.set({
        phase: error.kind === 'Unavailable' ? 'deleting' : 'error_deleting',
        lastError: shareError(share, error),
      });
      standBlocked(draft, triedAgain(error));
      await draft.write(client, informers.shares);
      throw error;
    }
  }
  // Nothing that is written meanwhile brings back what is deleted.
  await writeDriverResult(operator, informers.shares, share, (fresh) =>
    removeFinalizer(client, informers.shares, fresh),
  );
  return undefined;
}

function standBlocked(draft: ShareDraft, { reason, message }: Finding): void {
  draft.setCondition('DeletionBlocked', 'True', reason, message);
  draft.setReadiness({ state: 'working', reason, message });
}

function triedAgain({ reason, message }: Pick<DriverError, 'reason' | 'message'>): Finding {
  return { reason: toReason(reason), message: `${message}; it is tried again` };
}

/** @param share the version that the decision was made on */
async function letGo({ operator, share }: ShareScope): Promise<undefined> {
  await removeFinalizer(operator.client, operator.informers.shares, share);
  return undefined;
}

/** Notes on the server that the share's data stays: such a server is never torn down. */
async function retain({ operator, server, share }: ShareScope, identifier: string): Promise<void> {
  const { informers, client } = operator;
  if (server !== undefined)
    await writeDriverResult(operator, informers.shareServers, server, (fresh) => {
      const retained = fresh.status?.retainedShares ?? [];
      if (retained.includes(identifier)) return undefined;
      const draft = draftOf(operator, fresh);
      return draft.set({ retainedShares: [...retained, identifier] }).write(client, informers.shareServers);
    });
  operator.recorder.event(share, {
    type: 'Normal',
    reason: 'ShareRetained',
    action: 'DeleteShare',
    note: `the data stays on the backend as ${identifier}`,
  });
}
