import { mayBeGranted } from '../../access-rules/plan.ts';
import type { Finding } from '../../api/v1alpha1/finding.ts';
import type { ShareAccess } from '../../api/v1alpha1/share-access.ts';
import { namespaceView } from '../../cluster-state/namespace-view.ts';
import { mayAbandon } from '../../cluster-state/requests.ts';
import { timestamp } from '../../runtime/clock.ts';
import { uidOf } from '../../runtime/kube-object.ts';
import { nameList } from '../../values/name-list.ts';
import { removeFinalizer } from '../lifecycle/finalizers.ts';
import { isPlacementCurrent, listRulesLive, staleCache } from '../lifecycle/live.ts';
import { checkpoint } from '../reconcile/pass.ts';
import { done, type Phase, passOver, type Step, wait } from '../reconcile/step.ts';
import { writeDriverResult } from '../status/driver-result.ts';
import { whyNoRemoval } from '../status/findings.ts';
import { reportingWaits } from '../status/long-waits.ts';
import { draftOf } from '../status/status-draft.ts';
import { callDelete, retried, showBlocked } from './deletion-call.ts';
import { type ShareScope, shareScope } from './scope.ts';

/** Delete the share on the storage system, after its access rules, and remove its finalizer. The deletion is tried until it succeeds. */
export const deletionPhases: readonly Phase<ShareScope>[] = [
  abandonOnRequest,
  removeUnknown,
  recordDeleting,
  waitForPlacement,
  waitForRevokedAccess,
  confirmLiveState,
  retainOnRequest,
  deleteOnBackend,
];

/** On request the share is forgotten without asking its driver. */
async function abandonOnRequest(scope: ShareScope): Promise<Step> {
  const { operator, share, backend } = scope;
  if (!mayAbandon(share, backend)) return done;
  if (!(await isPlacementCurrent(operator, scope))) return passOver(staleCache.requeueAfterMs);
  const { backendName, identifier } = share.status ?? {};
  operator.recorder.event(share, {
    type: 'Warning',
    reason: 'Abandoned',
    action: 'DeleteShare',
    note: `forgotten without asking backend ${backendName}; there remains ${identifier ?? 'nothing known'}`,
  });
  return await removeOwnFinalizer(scope);
}

/** A share that no driver was asked to create leaves nothing behind. */
async function removeUnknown(scope: ShareScope): Promise<Step> {
  const { operator, share, server } = scope;
  const { backendName, identifier, operation } = share.status ?? {};
  const wasNeverSent =
    identifier === undefined &&
    (operation === undefined || (server !== undefined && server.status?.identifier === undefined));
  if (backendName !== undefined && !wasNeverSent) return done;
  if (!(await isPlacementCurrent(operator, scope))) return passOver(staleCache.requeueAfterMs);
  return await removeOwnFinalizer(scope);
}

function recordDeleting({ share, draft }: ShareScope): Step {
  draft.set({ phase: share.status?.phase === 'error_deleting' ? 'error_deleting' : 'deleting' });
  return done;
}

function waitForPlacement(scope: ShareScope): Step {
  return blockFor(scope, whyNoRemoval(scope));
}

function waitForRevokedAccess(scope: ShareScope): Step {
  const { rulesOf } = namespaceView(scope.operator, scope.namespace);
  return blockFor(scope, whyRulesFirst(rulesOf(scope.share.metadata.name)));
}

/** The cache may be behind. Work that continues on the storage system was decided before. */
async function confirmLiveState(scope: ShareScope): Promise<Step> {
  const { operator, share } = scope;
  const { operation } = share.status ?? {};
  if (operation?.name === 'deleteShare' && operation.token !== undefined) return done;
  if (!(await isPlacementCurrent(operator, scope))) return passOver(staleCache.requeueAfterMs);
  return blockFor(scope, whyRulesFirst(await listRulesLive(operator, share)));
}

function whyRulesFirst(rules: readonly ShareAccess[]): Finding | undefined {
  const granted = rules.filter(mayBeGranted).map(({ metadata }) => metadata.name);
  if (granted.length === 0) return undefined;
  return { reason: 'AccessRulesExist', message: `waits until access is revoked: ${nameList(granted)}` };
}

function blockFor({ draft }: ShareScope, finding: Finding | undefined): Step {
  if (finding === undefined) return done;
  draft.setCondition('DeletionBlocked', 'True', finding.reason, finding.message);
  return wait(finding);
}

/** A retained share is recorded on its server, which is never torn down from then on. */
async function retainOnRequest(scope: ShareScope): Promise<Step> {
  const { operator, server, share } = scope;
  if (share.spec.deletionPolicy !== 'Retain') return done;
  const { informers, client } = operator;
  const identifier = share.status?.identifier ?? uidOf(share);
  if (server !== undefined) {
    await writeDriverResult(operator, informers.shareServers, server, (fresh) => {
      const retained = fresh.status?.retainedShares ?? [];
      if (retained.includes(identifier)) return undefined;
      const draft = draftOf(operator, fresh);
      return draft.set({ retainedShares: [...retained, identifier] }).write(client, informers.shareServers);
    });
  }
  operator.recorder.event(share, {
    type: 'Normal',
    reason: 'ShareRetained',
    action: 'DeleteShare',
    note: `the data stays on the backend as ${identifier}`,
  });
  return await removeOwnFinalizer(scope);
}

async function deleteOnBackend(scope: ShareScope): Promise<Step> {
  const { operator, context, share, draft, memory } = scope;
  const { operation, lastError } = share.status ?? {};
  draft.set({
    operation:
      operation?.name === 'deleteShare'
        ? operation
        : { id: `delete/${uidOf(share)}`, name: 'deleteShare', startedTime: timestamp(operator.clock) },
  });
  // The failure of the last call remains shown until the next one has ended, and a refused write while it is refused.
  if (lastError?.operation === 'deleteShare') showBlocked(draft, retried(lastError));
  else if (operator.refusedWrites.readinessOf(uidOf(share)) === undefined) {
    draft.removeCondition('DeletionBlocked');
    draft.setReadiness({ state: 'working', reason: 'Deleting', message: 'the share is being deleted' });
  }
  const stored = await checkpoint(scope, (pass) => shareScope(pass, memory));
  return await context.outsideWorker(() =>
    reportingWaits(operator, operator.informers.shares, stored.share, (waiting) => callDelete(stored, waiting)),
  );
}

async function removeOwnFinalizer({ operator, share }: ShareScope): Promise<Step> {
  await removeFinalizer(operator.client, operator.informers.shares, share);
  return passOver();
}
