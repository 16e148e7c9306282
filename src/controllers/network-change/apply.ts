import type { Finding } from '../../api/v1alpha1/finding.ts';
import type { ShareServer, ShareServerChange, ShareServerNetworkChange } from '../../api/v1alpha1/share-server.ts';
import { isPaused } from '../../cluster-state/requests.ts';
import type { CredentialsResult } from '../../drivers/driver.ts';
import { DriverError } from '../../drivers/errors.ts';
import { updateFailed } from '../../network-change/server-state.ts';
import { timestamp } from '../../runtime/clock.ts';
import { uidOf } from '../../runtime/kube-object.ts';
import { CredentialsNotTried, useCredentials } from '../credentials/use-credentials.ts';
import type { CallLease } from '../driver-calls/call-lease.ts';
import { serviceDetails } from '../driver-calls/driver-requests.ts';
import { checkpoint } from '../reconcile/pass.ts';
import { done, passOver, type Step, stop, wait } from '../reconcile/step.ts';
import { type ServerScope, serverCallScope, serverScope } from '../shareserver/scope.ts';
import { setServiceState } from '../shareserver/service-state.ts';
import { formerService, passService } from '../shareserver/services.ts';
import { callRunning, callsSuspended } from '../status/findings.ts';
import { reportingWaits } from '../status/long-waits.ts';
import { serverAvailable } from '../status/readiness.ts';
import { draftOf, latestOf, ownPhase } from '../status/status-draft.ts';
import { beginning } from './apply-beginning.ts';
import { finalError, handleFailure, storeFailure } from './apply-failure.ts';
import { storeSuccess, updateService } from './apply-service.ts';
import { ChangePart } from './change-part.ts';

/** What the driver calls of one pass came to. */
interface Outcome extends CredentialsResult {
  /** - `skip`: the change was stopped. - `leave`: another pass decides. - `retry`: this one is repeated. */
  readonly next: 'end' | 'skip' | 'leave' | 'retry';
}

/**
 * A phase of a share server: applies a change of its network. It waits until all servers are marked and for its turn, then calls the
 * driver once for each changed service. The server's own record has all that this takes, whatever became of the network's.
 */
export async function applyChange(scope: ServerScope): Promise<Step> {
  const { operator, context, server, network, draft, backend } = scope;
  const { phase, networkChange: change } = draft.status;
  if (phase !== 'network_change' || change === undefined) return done;
  const part = new ChangePart(scope, change);
  if (isMarking(part)) return stop();
  if (network !== undefined && isPaused(network)) {
    // A pause may last for days: the time of the change starts again after it.
    part.forgetProgress();
    return stop();
  }
  if (part.restMs > 0) return stop(part.restMs);
  await requireStorableResult(part);
  const turn = operator.rollout.turn(change.id, server, network, siblingsOf(scope));
  if (turn === 'wait') return stop();
  if (turn === 'skip') return await keepServices(part);
  const suspended = callsSuspended(backend);
  if (suspended !== undefined) return await waitForBackend(part, suspended);
  const begun = new ChangePart(await storeBeginning(scope, change), change);
  return await context.outsideWorker(() =>
    reportingWaits(operator, operator.informers.shareServers, begun.server, (waiting) => callDriver(begun, waiting)),
  );
}

function isMarking({ change, scope: { network } }: ChangePart): boolean {
  const record = network?.status?.networkChange;
  return record?.id === change.id && record.stage === 'marking';
}

/** @throws RefusedWrite while the API server refuses to store what the driver returns */
async function requireStorableResult(part: ChangePart): Promise<void> {
  try {
    await part.scope.operator.refusedWrites.stillRefused(uidOf(part.server));
  } catch (error) {
    part.forgetProgress();
    throw error;
  }
}

function siblingsOf({ view, server }: ServerScope): readonly ShareServer[] {
  return view.serversOf(server.spec.shareNetworkName);
}

/** While the storage system does not answer, the time of the change runs: a change ends. */
async function waitForBackend(part: ChangePart, suspended: Finding): Promise<Step> {
  part.begin();
  const { leftMs } = part;
  if (leftMs > 0) return wait(suspended, leftMs);
  await storeFailure(part, finalError(part.lastAnswer ?? new DriverError({ kind: 'Unavailable', ...suspended })));
  return passOver();
}

/** Stores that the driver may be called, unless that is stored already. */
async function storeBeginning(scope: ServerScope, change: ShareServerNetworkChange): Promise<ServerScope> {
  const { operator, server, draft, view, memory } = scope;
  if (server.status?.operation?.id === change.id) return scope;
  draft.set(beginning(server, change.id, timestamp(operator.clock), view.service, change.changes));
  return await checkpoint(scope, (pass) => serverScope(pass, memory));
}

/**
 * The server keeps its services, and its backend details name them again. If an earlier update failed, the server stays in error: it
 * was not repaired.
 */
async function keepServices(part: ChangePart): Promise<Step> {
  const { operator } = part.scope;
  const { id } = part.change;
  // It may show meanwhile what it waited for.
  const server = latestOf(operator.informers.shareServers, part.server);
  const { securityServices = [], backendDetails = {}, lastError } = server.status ?? {};
  const details = Object.entries(backendDetails).filter(([key]) => !key.startsWith('security_service_'));
  const hasFailedBefore = updateFailed(server);
  const draft = draftOf(operator, server).set({
    ...ownPhase(hasFailedBefore ? 'error' : 'active'),
    networkChange: undefined,
    operation: undefined,
    lastNetworkChange: { id, result: 'NotAttempted' },
    backendDetails: { ...Object.fromEntries(details), ...serviceDetails(securityServices) },
  });
  if (hasFailedBefore) {
    const message = lastError?.message ?? 'the last update failed';
    draft.setReadiness({ state: 'stalled', reason: 'UpdateFailed', message });
  } else {
    setServiceState(draft, 'NotAttempted', `keeps its old security services: change ${id} was stopped before its turn`);
    draft.setReadiness(serverAvailable);
  }
  await draft.write(operator.client, operator.informers.shareServers);
  part.end();
  return passOver();
}

async function callDriver(part: ChangePart, waiting: (obstacle: Finding | undefined) => void): Promise<Step> {
  const { scope, change, lastAnswer } = part;
  const { operator, context, namespace, timeouts } = scope;
  // A call that gets no time tells less than the one before.
  if (lastAnswer !== undefined && part.isTimeUp) {
    await storeFailure(part, finalError(lastAnswer));
    return passOver();
  }
  const given = credentialsOfChange(part);
  const use = { ...given, namespace, holder: part.key, signal: context.signal, waitMs: timeouts.operation };
  const held: CallLease[] = [];
  try {
    const { next } = await useCredentials(operator, use, async () => {
      const callScope = serverCallScope(scope, 'exclusive', { holdNetwork: false });
      const lease = await operator.calls.acquire(callScope, context.signal, part.callTimeoutMs, (obstacle) =>
        // In a large change most servers wait for a slot, which is no news for anyone.
        waiting(obstacle === callRunning ? obstacle : undefined),
      );
      held.push(lease);
      const tried = new Set(given.required.map(({ credentials }) => credentials));
      return await applyServices(part, lease, tried);
    });
    if (next === 'skip') return await keepServices(part);
    if (next === 'end') part.end();
    else part.forgetProgress();
    return passOver(next === 'retry' ? 1 : undefined);
  } catch (thrown) {
    if (thrown instanceof CredentialsNotTried && !operator.rollout.isCalled(change.id, part.server)) {
      // It continues to serve with what it has: only the server that tried the credentials has failed.
      return await keepServices(part);
    }
    return await handleFailure(part, thrown);
  } finally {
    for (const lease of held) lease.release();
  }
}

/** Has the driver apply one service after the other. @param tried credentials that this call may try */
async function applyServices(
  part: ChangePart,
  lease: CallLease,
  tried: ReadonlySet<string | undefined>,
): Promise<Outcome> {
  const refusedCredentials: string[] = [];
  for (let step = nextChange(part); step !== undefined; step = nextChange(part)) {
    const permission = nextStep(part);
    if (permission !== 'apply') return { next: permission };
    const passed = passService(part.scope, step.to);
    // A password that came meanwhile is tried by one server first.
    if (!tried.has(passed.credentials)) return { next: 'retry' };
    part.begin();
    const result = await updateService(part, lease, step, passed);
    refusedCredentials.push(...(result.refusedCredentials ?? []));
    const stored = await storeSuccess(part, step, passed.applied, result);
    if (stored === undefined) break;
    part.server = stored;
  }
  return { next: 'end', refusedCredentials };
}

function nextChange({ server }: ChangePart): ShareServerChange | undefined {
  return server.status?.networkChange?.changes.find((step) => step.done !== true);
}

/**
 * Whether the driver may be called: what was true when the lease was asked for may no longer be. Who changed that brings the server
 * back, and the next pass decides.
 */
function nextStep({ change, scope, server }: ChangePart): 'apply' | 'skip' | 'leave' {
  const { operator, context, view } = scope;
  // At shutdown the next process continues.
  if (context.signal.aborted) return 'leave';
  const present = view.server(server.metadata.name);
  if (present === undefined || uidOf(present) !== uidOf(server)) return 'leave';
  if (present.status?.phase !== 'network_change' || present.status.networkChange?.id !== change.id) return 'leave';
  const network = view.network(server.spec.shareNetworkName);
  if (network !== undefined && isPaused(network)) return 'leave';
  return operator.rollout.call(change.id, server, network, siblingsOf(scope)) === 'begin' ? 'apply' : 'skip';
}

/** The credentials that the calls of a change are given: the new ones, and the old ones for cleaning up. */
function credentialsOfChange({ scope, server, change }: ChangePart) {
  const left = change.changes.filter((step) => step.done !== true);
  const required = left.flatMap(({ to }) => {
    try {
      return passService(scope, to);
    } catch {
      // It is gone: the call for it fails with that.
      return [];
    }
  });
  const types = new Set(left.map(({ type }) => type));
  const applied = (server.status?.securityServices ?? []).filter(({ type }) => types.has(type));
  return { required, optional: applied.map((one) => formerService(scope, one)) };
}
