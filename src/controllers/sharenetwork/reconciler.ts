import * as labels from '../../api/v1alpha1/labels.ts';
import type { ShareNetwork } from '../../api/v1alpha1/share-network.ts';
import { segmentRefusal } from '../../cluster-state/network-segments.ts';
import { isPaused, requestToken, unhandledReconcileToken } from '../../cluster-state/requests.ts';
import { subnetProblem } from '../../scheduling/subnets.ts';
import { ChangeFlow } from '../network-change/change-flow.ts';
import type { NetworkOperator } from '../network-change/network-scope.ts';
import { type NetworkScope, networkScope } from '../network-change/network-scope.ts';
import { changeRecordInvalid, progressChange } from '../network-change/progress-change.ts';
import { showRecordedServices } from '../network-change/recorded-services.ts';
import { Reconciler } from '../reconcile/frame.ts';
import { showStep } from '../reconcile/pass.ts';
import { pause } from '../reconcile/pause.ts';
import {
  done,
  type Phase,
  requeueAfter,
  runPhases,
  type Step,
  stalled,
  stop,
  wait,
  withRequeue,
} from '../reconcile/step.ts';
import { networkAvailable, pausedReadiness } from '../status/readiness.ts';
import { ownPhase } from '../status/status-draft.ts';
import { answerCheckRequest, rejectCheckRequest } from './check-request.ts';
import { deletionPhases } from './deletion.ts';
import { dropChange } from './reset.ts';
import { CountsInChange, countServers } from './server-counts.ts';
import { watchForShareNetworks } from './watches.ts';

/** Changes the security services of share networks, also while share servers use them. */
export function shareNetworkReconciler(operator: NetworkOperator): Reconciler<ShareNetwork, NetworkScope> {
  const flow = new ChangeFlow(operator);
  const counts = new CountsInChange(operator.clock);
  const requirements: readonly Phase<NetworkScope>[] = [
    finishPresentChange(counts),
    countServers,
    recordPhase,
    handleRequests(flow),
    waitForMaintenance,
    showError,
    forgetRefusalInPause(flow),
    pause,
    requireValidSubnets,
  ];
  return new Reconciler(operator, {
    name: 'sharenetwork',
    informer: operator.informers.shareNetworks,
    watches: (controller) => watchForShareNetworks(operator, controller),
    scope: networkScope,
    phases: [rejectChecksUnless(requirements), answerCheckRequest, (scope) => flow.run(scope), requireAllowedSegments],
    deletion: [showWhileDeleting([rejectChecksUnless(requirements), showRecordedServices]), ...deletionPhases],
    ready: networkAvailable,
    reset: dropChange,
    forget: (network) => {
      flow.forgetRefusal(network);
      counts.forget(network);
    },
  });
}

/** Questions of users about a change are rejected while one of the phases holds changes up. */
function rejectChecksUnless(requirements: readonly Phase<NetworkScope>[]): Phase<NetworkScope> {
  return async (scope) => {
    const step = await runPhases(scope, requirements);
    if (step.kind === 'wait' || step.kind === 'stalled') rejectCheckRequest(scope, step.finding);
    return step;
  };
}

/** A change that was committed comes before everything else. */
function finishPresentChange(counts: CountsInChange): Phase<NetworkScope> {
  return async (scope) => {
    const { network, draft } = scope;
    const { phase, networkChange } = draft.status;
    if (phase !== 'network_change' || networkChange === undefined) return done;
    const step = isPaused(network) ? wait(pausedReadiness) : await progressChange(scope, networkChange);
    if (draft.status.phase === 'network_change') return withRequeue(step, counts.count(scope));
    counts.forget(network);
    countServers(scope);
    return step;
  };
}

function recordPhase({ draft }: NetworkScope): Step {
  draft.set(ownPhase(draft.status.phase ?? 'active'));
  return done;
}

/** A request to reconcile, or to apply services again, has refused credentials tried again, once for all that use them. */
function handleRequests(flow: ChangeFlow): Phase<NetworkScope> {
  return async ({ operator, network, namespace, draft }) => {
    const { status } = network;
    const reconcile = unhandledReconcileToken(network);
    const reapply = requestToken(network, labels.reapplyRequestedAt);
    const isNew = reapply !== undefined && ![status?.lastHandledReapplyAt, status?.triedReapplyAt].includes(reapply);
    if (reconcile === undefined && !isNew) return done;
    const services = [...(network.spec.securityServices ?? []), ...(status?.securityServices ?? [])];
    const names = services.map(({ name }) => name);
    const isLifted = await operator.refusals.lift(operator, namespace, names);
    if (reconcile !== undefined) {
      draft.set({ lastHandledReconcileAt: reconcile });
      flow.forgetRefusal(network);
    }
    if (isLifted && isNew) draft.set({ triedReapplyAt: reapply });
    // What was handled is stored before anything is tried.
    return isLifted ? stop(1) : done;
  };
}

function waitForMaintenance({ draft }: NetworkScope): Step {
  if (draft.status.phase !== 'network_change') return done;
  const message = 'in maintenance: an administrator set the phase to network_change; everything on the network waits';
  return wait({ reason: 'Maintenance', message });
}

function showError({ draft }: NetworkScope): Step {
  const { phase, invalidChange } = draft.status;
  if (phase !== 'error') return done;
  if (invalidChange !== undefined) return changeRecordInvalid(invalidChange);
  const message = 'the phase is error; fix the cause; then an administrator must set the phase to active';
  return stalled({ reason: 'NetworkError', message });
}

function forgetRefusalInPause(flow: ChangeFlow): Phase<NetworkScope> {
  return ({ network }) => {
    if (isPaused(network)) flow.forgetRefusal(network);
    return done;
  };
}

function requireValidSubnets({ network, servers }: NetworkScope): Step {
  const problem = subnetProblem(network.spec, servers);
  return problem === undefined ? done : stalled(problem);
}

/** Subnets that share servers use continue to work: this is shown only if nothing else is wrong. */
function requireAllowedSegments({ operator, network }: NetworkScope): Step {
  const message = segmentRefusal(operator, network);
  return message === undefined ? done : stalled({ reason: 'SegmentNotAllowed', message });
}

/** Shows the state of a network that is being deleted; whatever it waits for, the phases of the deletion follow. */
function showWhileDeleting(phases: readonly Phase<NetworkScope>[]): Phase<NetworkScope> {
  return async (scope) => {
    const step = await runPhases(scope, phases);
    showStep(scope.draft, step, networkAvailable);
    return requeueAfter(step.requeueAfterMs);
  };
}
