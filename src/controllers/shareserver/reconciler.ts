import type { Reason } from '../../api/v1alpha1/reasons/reason.ts';
import type { ShareServer } from '../../api/v1alpha1/share-server.ts';
import { unhandledReconcileToken } from '../../cluster-state/requests.ts';
import { neverSetUp } from '../../network-change/server-state.ts';
import { isRestored, networkOwner, noteCompared } from '../lifecycle/restored.ts';
import { Reconciler } from '../reconcile/frame.ts';
import { pause, pauseDeletion } from '../reconcile/pause.ts';
import { requireStoredStatus } from '../reconcile/require-stored-status.ts';
import { done, type Phase, runPhases, type Step, stalled, stop, wait } from '../reconcile/step.ts';
import { when } from '../reconcile/when.ts';
import { callsSuspended } from '../status/findings.ts';
import { serverAvailable } from '../status/readiness.ts';
import { latestOf } from '../status/status-draft.ts';
import { checkHealthWhenDue, examine, showHealth } from './health.ts';
import { dropChange } from './reset.ts';
import { type ServerScope, serverScope } from './scope.ts';
import { ServerMemory } from './server-memory.ts';
import type { ServerOperator } from './server-operator.ts';
import { setupPhases } from './setup.ts';
import { isStillServing, showStillServing, teardownPhases } from './teardown.ts';
import { deleteWhenUnused } from './unused.ts';
import { watchForShareServers } from './watches.ts';

/**
 * Sets share servers up, applies changes of security services to them, and tears them down.
 * @param applyChange applies a change of the server's network; the folder of network changes builds on this one
 */
export function shareServerReconciler(
  operator: ServerOperator,
  applyChange: Phase<ServerScope>,
): Reconciler<ShareServer, ServerScope> {
  const memory = new ServerMemory(operator);
  const phases: readonly Phase<ServerScope>[] = [
    recordFirstPhase,
    // A pause during a change takes effect after it.
    applyChange,
    waitForMaintenance,
    pause,
    requireStoredStatus,
    deleteWhenUnused,
    when(isToBeSetUp, setupPhases),
    examineOnRequest,
    showError,
    checkHealthWhenDue,
    showHealth,
  ];
  return new Reconciler(operator, {
    name: 'shareserver',
    informer: operator.informers.shareServers,
    watches: (controller) => watchForShareServers(operator, controller),
    scope: (pass) => serverScope(pass, memory),
    phases,
    deletion: [pauseDeletion, serveWhileNeeded(phases), ...teardownPhases],
    ready: serverAvailable,
    reset: dropChange,
    stored: noteRestored,
    forget: (server) => memory.forget(server),
  });
}

function recordFirstPhase({ draft }: ServerScope): Step {
  const { phase = 'creating', recordedPhase = phase } = draft.status;
  draft.set({ phase, recordedPhase });
  return done;
}

function waitForMaintenance({ draft }: ServerScope): Step {
  if (draft.status.phase !== 'network_change') return done;
  const message = 'in maintenance: an administrator set the phase to network_change';
  return wait({ reason: 'Maintenance', message });
}

function isToBeSetUp({ server, draft }: ServerScope): boolean {
  const { phase } = draft.status;
  return phase === 'creating' || (phase === 'error' && neverSetUp(server));
}

/** Examined are active servers that a driver did not find, that were restored from a backup, and on request. */
async function examineOnRequest(scope: ServerScope): Promise<Step> {
  const { operator, server, draft, backend, memory } = scope;
  if (draft.status.phase !== 'active' || callsSuspended(backend) !== undefined) return done;
  const token = unhandledReconcileToken(server);
  const isSuspect = operator.suspects.take(server);
  if (!isSuspect && token === undefined && !isRestored(server)) return done;
  await examine(scope, token);
  if (isRestored(server)) memory.comparedIn.add(scope);
  return done;
}

/** A restored server belongs to the network that exists now, once the result of its examination is stored. */
async function noteRestored(scope: ServerScope): Promise<void> {
  const { operator, network, server, memory } = scope;
  if (!memory.comparedIn.has(scope)) return;
  const { shareServers } = operator.informers;
  const ownerReferences = network === undefined ? {} : { ownerReferences: [networkOwner(network)] };
  await noteCompared(operator, shareServers, latestOf(shareServers, server), ownerReferences);
}

function showError({ draft }: ServerScope): Step {
  if (draft.status.phase !== 'error') return done;
  const { operation = '', message = 'fix the cause; then an administrator must set the phase to active' } =
    draft.status.lastError ?? {};
  return stalled({ reason: errorReasons.get(operation) ?? 'ShareServerError', message });
}

/** Reasons of servers in error by the driver method that failed. */
const errorReasons: ReadonlyMap<string, Reason> = new Map([
  ['updateShareServerSecurityService', 'UpdateFailed'],
  ['ensureServer', 'ShareServerLost'],
]);

/** A server that is to be deleted serves its shares and finishes its part of a change first. */
function serveWhileNeeded(phases: readonly Phase<ServerScope>[]): Phase<ServerScope> {
  return async (scope) => {
    const { draft } = scope;
    const isServing = isStillServing(scope);
    const isChanging = draft.status.phase === 'network_change' && draft.status.networkChange !== undefined;
    if (!isServing && !isChanging) return done;
    if (isServing) showStillServing(scope);
    const step = await runPhases(scope, phases);
    if (step.kind !== 'done') return step;
    draft.setReadiness(serverAvailable);
    return stop(step.requeueAfterMs);
  };
}
