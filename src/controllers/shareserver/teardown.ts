import type { Finding } from '../../api/v1alpha1/finding.ts';
import { mayAbandon } from '../../cluster-state/requests.ts';
import { timestamp } from '../../runtime/clock.ts';
import { uidOf } from '../../runtime/kube-object.ts';
import { nameList } from '../../values/name-list.ts';
import { removeFinalizer } from '../lifecycle/finalizers.ts';
import { staleCache } from '../lifecycle/live.ts';
import { checkpoint } from '../reconcile/pass.ts';
import { done, type Phase, passOver, type Step, stop } from '../reconcile/step.ts';
import { backendNotFound, callsSuspended } from '../status/findings.ts';
import { reportingWaits } from '../status/long-waits.ts';
import { ownPhase } from '../status/status-draft.ts';
import { hasShares, isBackendCurrent } from './live-state.ts';
import { type ServerScope, serverScope } from './scope.ts';
import { callTeardown } from './teardown-call.ts';

/** Remove the server from the storage system, and its finalizer. The teardown is tried until it succeeds. */
export const teardownPhases: readonly Phase<ServerScope>[] = [
  abandonOnRequest,
  keepRetainedShares,
  removeUnknown,
  waitForPlacedShares,
  beginTeardown,
  waitForBackend,
  tearDownOnBackend,
];

/** Whether the server has to keep serving although it is to be deleted. Once a driver has begun the teardown, it no longer does. */
export function isStillServing({ server, shares }: Pick<ServerScope, 'server' | 'shares'>): boolean {
  const { operation } = server.status ?? {};
  return shares.length > 0 && !(operation?.name === 'teardownServer' && operation.token !== undefined);
}

/**
 * Shows why a server that is to be deleted keeps serving. A share that was placed at the moment when the teardown began has precedence:
 * drivers tear down no server that has shares.
 */
export function showStillServing({ draft, shares }: ServerScope): void {
  const names = nameList(shares.map(({ metadata }) => metadata.name));
  draft.setCondition('DeletionBlocked', 'True', 'SharesExist', `keeps serving until its shares are deleted: ${names}`);
  if (draft.status.phase === 'deleting') draft.set({ ...ownPhase('active'), operation: undefined });
}

/** On request the server is forgotten without a teardown. */
async function abandonOnRequest(scope: ServerScope): Promise<Step> {
  const { operator, server, backend } = scope;
  if (!mayAbandon(server, backend)) return done;
  if (!(await isBackendCurrent(scope)) || (await hasShares(scope))) return passOver(staleCache.requeueAfterMs);
  operator.recorder.event(server, {
    type: 'Warning',
    reason: 'Abandoned',
    action: 'TearDownShareServer',
    note: `forgotten without a teardown; on backend ${server.spec.backendName} remains ${server.status?.identifier ?? 'nothing known'}`,
  });
  return await removeOwnFinalizer(scope);
}

function keepRetainedShares({ server, draft }: ServerScope): Step {
  const { retainedShares = [] } = server.status ?? {};
  if (retainedShares.length === 0) return done;
  const message = `holds retained shares and is never torn down: ${nameList(retainedShares)}`;
  draft.setCondition('DeletionBlocked', 'True', 'RetainedShares', message);
  return stop();
}

/** A server that no driver was asked to set up leaves nothing behind. */
async function removeUnknown(scope: ServerScope): Promise<Step> {
  const { identifier, operation, lastError } = scope.server.status ?? {};
  const isKnown = identifier !== undefined || operation !== undefined || lastError !== undefined;
  return isKnown ? done : await removeOwnFinalizer(scope);
}

/** The cache may not show yet that a share was placed. */
async function waitForPlacedShares(scope: ServerScope): Promise<Step> {
  const hasBegun = scope.server.status?.operation?.token !== undefined;
  return !hasBegun && (await hasShares(scope)) ? passOver(staleCache.requeueAfterMs) : done;
}

function beginTeardown({ operator, server, draft }: ServerScope): Step {
  const { operation } = server.status ?? {};
  draft.set({
    ...ownPhase('deleting'),
    networkChange: undefined,
    operation:
      operation?.name === 'teardownServer'
        ? operation
        : { id: `teardown/${uidOf(server)}`, name: 'teardownServer', startedTime: timestamp(operator.clock) },
  });
  draft.setReadiness({ state: 'working', reason: 'Deleting', message: 'the share server is being torn down' });
  return done;
}

function waitForBackend({ server, draft, backend }: ServerScope): Step {
  const finding: Finding | undefined =
    backend === undefined ? backendNotFound(server.spec.backendName) : callsSuspended(backend);
  if (finding === undefined) return done;
  draft.setCondition('DeletionBlocked', 'True', finding.reason, finding.message);
  return stop();
}

async function tearDownOnBackend(scope: ServerScope): Promise<Step> {
  const { operator, context, memory } = scope;
  const stored = await checkpoint(scope, (pass) => serverScope(pass, memory));
  return await context.outsideWorker(() =>
    reportingWaits(operator, operator.informers.shareServers, stored.server, (waiting) =>
      callTeardown(stored, waiting),
    ),
  );
}

async function removeOwnFinalizer({ operator, server }: ServerScope): Promise<Step> {
  await removeFinalizer(operator.client, operator.informers.shareServers, server);
  return passOver();
}
