import type { Finding } from '../../api/v1alpha1/finding.ts';
import type {
  AppliedSecurityService,
  ShareServer,
  ShareServerChange,
  ShareServerNetworkChange,
} from '../../api/v1alpha1/share-server.ts';
import { namespaceView } from '../../cluster-state/namespace-view.ts';
import { isPaused } from '../../cluster-state/requests.ts';
import type { SecurityServiceUpdateResult } from '../../drivers/driver.ts';
import { DriverError } from '../../drivers/errors.ts';
import { updateFailed } from '../../network-change/server-state.ts';
import { timestamp } from '../../runtime/clock.ts';
import type { ReconcileResult } from '../../runtime/controller.ts';
import { uidOf } from '../../runtime/kube-object.ts';
import { CredentialsNotTried, useCredentials } from '../credentials/use-credentials.ts';
import { storeBackendSecrets } from '../driver-calls/backend-secrets.ts';
import type { CallLease } from '../driver-calls/call-lease.ts';
import { boundedDetails } from '../driver-calls/driver-data.ts';
import { driverNetwork, driverService, serviceDetails } from '../driver-calls/driver-requests.ts';
import { serverForDriver } from '../driver-calls/server-for-driver.ts';
import { sharesForDriver } from '../driver-calls/shares-for-driver.ts';
import { storeShareResults } from '../shareaccess/share-results.ts';
import { writeDriverResult } from '../status/driver-result.ts';
import { callRunning, callsSuspended } from '../status/findings.ts';
import { reportingWaits } from '../status/long-waits.ts';
import { serverAvailable } from '../status/readiness.ts';
import { draftOf, latestOf, ownPhase } from '../status/status-draft.ts';
import { noteWarnings } from '../status/warnings.ts';
import { type CallProgress, callKey } from './call-progress.ts';
import { beginning } from './change-beginning.ts';
import { finalError, handleFailure, shortestCallMs, storeFailure } from './change-failure.ts';
import { leavePhase, type ServerScope, serverCallScope } from './scope.ts';
import { setServiceState } from './service-state.ts';
import { formerService, type PassedService, passService } from './services.ts';

/**
 * Takes the server through its part of a network's change: waits until all servers are marked and for its turn, then calls the
 * driver once per changed type. Everything needed is in the server's own record, whatever became of the network's.
 */
export async function takePart(
  scope: ServerScope,
  change: ShareServerNetworkChange,
  progress: CallProgress,
): Promise<ReconcileResult | undefined> {
  const { operator, context, server, network, namespace, draft } = scope;
  const record = network?.status?.networkChange;
  if (record?.id === change.id && record.stage === 'marking') return undefined;
  if (network !== undefined && isPaused(network)) {
    // A pause may last for days: the time of the change begins anew after it.
    progress.ended(callKey(change.id, server));
    return undefined;
  }
  const restMs = progress.restMs(callKey(change.id, server));
  if (restMs > 0) return { requeueAfterMs: restMs };
  try {
    // What the driver returns could not be kept.
    await operator.refusedWrites.stillRefused(uidOf(server));
  } catch (error) {
    progress.ended(callKey(change.id, server));
    throw error;
  }
  const { service, serversOf } = namespaceView(operator, namespace);
  const turn = operator.rollout.turn(change.id, server, network, serversOf(server.spec.shareNetworkName));
  if (turn === 'wait') return undefined;
  if (turn === 'skip') {
    await skip(scope, change);
    return undefined;
  }
  const suspended = callsSuspended(scope.backend);
  if (suspended !== undefined) return await waitForBackend(scope, change, progress, suspended);
  let begun = server;
  if (server.status?.operation?.id !== change.id) {
    draft.set(beginning(server, change.id, timestamp(operator.clock), service, change.changes));
    begun = await draft.write(operator.client, operator.informers.shareServers);
  }
  const marked = { ...scope, server: begun, draft: draftOf(operator, begun) };
  return await context.outsideWorker(() =>
    reportingWaits(operator, operator.informers.shareServers, begun, (waiting) =>
      callDriver(marked, change, progress, waiting),
    ),
  );
}

/** Its time runs while the storage system does not answer: a change ends. */
async function waitForBackend(
  scope: ServerScope,
  change: ShareServerNetworkChange,
  progress: CallProgress,
  wait: Finding,
): Promise<ReconcileResult | undefined> {
  const { operator, server, draft, timeouts } = scope;
  const key = callKey(change.id, server);
  progress.begin(key);
  const requeueAfterMs = progress.leftMs(key, timeouts.change);
  if (requeueAfterMs > 0) {
    draft.setReadiness({ state: 'working', ...wait });
    return { requeueAfterMs };
  }
  const lastAnswer = progress.lastAnswer(key) ?? new DriverError({ kind: 'Unavailable', ...wait });
  await storeFailure(scope, change.id, finalError(lastAnswer));
  progress.ended(key);
  operator.rollout.ended(change.id, server);
  return undefined;
}

/**
 * The server keeps its old services; its backend details say so again. One whose earlier update failed is in error as before: it
 * was not repaired.
 */
async function skip({ operator, server, draft }: ServerScope, change: ShareServerNetworkChange): Promise<void> {
  const kept = server.status?.securityServices ?? [];
  const details = Object.fromEntries(
    Object.entries(server.status?.backendDetails ?? {}).filter(([key]) => !key.startsWith('security_service_')),
  );
  const failedBefore = updateFailed(server);
  draft.set({
    ...ownPhase(failedBefore ? 'error' : 'active'),
    networkChange: undefined,
    operation: undefined,
    lastNetworkChange: { id: change.id, result: 'NotAttempted' },
    backendDetails: { ...details, ...serviceDetails(kept) },
  });
  if (failedBefore) {
    const message = server.status?.lastError?.message ?? 'the last update failed';
    draft.setReadiness({ state: 'stalled', reason: 'UpdateFailed', message });
  } else {
    const message = `keeps its old security services: change ${change.id} was stopped before its turn`;
    setServiceState(draft, 'NotAttempted', message);
    draft.setReadiness(serverAvailable);
  }
  await draft.write(operator.client, operator.informers.shareServers);
  operator.rollout.ended(change.id, server);
}

async function callDriver(
  scope: ServerScope,
  change: ShareServerNetworkChange,
  progress: CallProgress,
  waiting: (wait: Finding | undefined) => void,
): Promise<ReconcileResult | undefined> {
  const { operator, context, server, namespace, timeouts } = scope;
  const key = callKey(change.id, server);
  // Queueing is not counted: the time of the change runs from the first call.
  const leftMs = (): number => progress.leftMs(key, timeouts.change);
  const ended = (): undefined => {
    progress.ended(key);
    operator.rollout.ended(change.id, server);
  };
  const lastAnswer = progress.lastAnswer(key);
  // A call that gets no time tells less than the one before.
  if (lastAnswer !== undefined && leftMs() < shortestCallMs(timeouts.change)) {
    await storeFailure(scope, change.id, finalError(lastAnswer));
    return ended();
  }
  const given = credentialsOfChange(scope, change);
  const use = { ...given, namespace, holder: key, signal: context.signal, waitMs: timeouts.operation };
  let current = server;
  const held: CallLease[] = [];
  const refusedCredentials: string[] = [];
  try {
    const outcome = await useCredentials(operator, use, async () => {
      const waitMs = Math.max(1, Math.min(timeouts.operation, leftMs()));
      const callScope = serverCallScope(scope, 'exclusive', { holdNetwork: false });
      const lease = await operator.calls.acquire(callScope, context.signal, waitMs, (wait) =>
        // In a large change most servers wait for a slot, which is no news for anyone.
        waiting(wait === callRunning ? wait : undefined),
      );
      held.push(lease);
      for (;;) {
        const go = mayGoOn(scope, change.id, current);
        // Whoever changed that brings the server back: the present state decides anew.
        if (go !== 'begin') return { go };
        const step = current.status?.networkChange?.changes.find(({ done }) => done !== true);
        if (step === undefined) return { go: 'ended', refusedCredentials } as const;
        const passed = passService(scope, step.to);
        // A password that came meanwhile is tried by one server first.
        if (!given.required.some(({ credentials }) => credentials === passed.credentials))
          return { go: 'again' } as const;
        progress.begin(key);
        const timeoutMs = Math.max(1, Math.min(timeouts.operation, leftMs()));
        const result = await updateService(lease, { ...scope, server: current }, change.id, step, passed, timeoutMs);
        refusedCredentials.push(...(result.refusedCredentials ?? []));
        const written = await storeSuccess({ ...scope, server: current }, change.id, step, passed.applied, result);
        if (written?.status?.networkChange === undefined) return { go: 'ended', refusedCredentials } as const;
        current = written;
      }
    });
    if (outcome.go === 'ended') return ended();
    if (outcome.go === 'skip') {
      // It may have said meanwhile what it waited for.
      current = latestOf(operator.informers.shareServers, current);
      await skip({ ...scope, server: current, draft: draftOf(operator, current) }, change);
    } else progress.ended(key);
    return outcome.go === 'again' ? { requeueAfterMs: 1 } : undefined;
  } catch (thrown) {
    if (thrown instanceof CredentialsNotTried && !operator.rollout.isCalled(change.id, server)) {
      // It serves on with what it has: only the server that tried them has failed.
      await skip(scope, change);
      return undefined;
    }
    const result = await handleFailure({ ...scope, server: current }, change.id, thrown, progress);
    return result ?? ended();
  } finally {
    for (const lease of held) lease.release();
  }
}

/** The credentials that the calls of a change are given: the new ones, and the old ones for cleaning up. */
function credentialsOfChange(scope: ServerScope, { changes }: ShareServerNetworkChange) {
  const left = changes.filter(({ done }) => done !== true);
  const required = left.flatMap(({ to }) => {
    try {
      return passService(scope, to);
    } catch {
      // It is gone, which the call for it tells.
      return [];
    }
  });
  const types = new Set(left.map(({ type }) => type));
  const applied = (scope.server.status?.securityServices ?? []).filter(({ type }) => types.has(type));
  return { required, optional: applied.map((one) => formerService(scope, one)) };
}

/** Whether the next call may be made: what was true when the lease was asked for may be so no more. */
function mayGoOn({ operator, context, namespace }: ServerScope, changeID: string, server: ShareServer) {
  // At shutdown the rest is the next process's.
  if (context.signal.aborted) return 'stop';
  const present = operator.informers.shareServers.cache.get(context.key);
  const { status } = present ?? {};
  if (present === undefined || uidOf(present) !== uidOf(server)) return 'stop';
  if (status?.phase !== 'network_change' || status.networkChange?.id !== changeID) return 'stop';
  const { network: networkOf, serversOf } = namespaceView(operator, namespace);
  const network = networkOf(server.spec.shareNetworkName);
  if (network !== undefined && isPaused(network)) return 'stop';
  return operator.rollout.call(changeID, server, network, serversOf(server.spec.shareNetworkName));
}

async function updateService(
  lease: CallLease,
  scope: ServerScope,
  changeID: string,
  step: ShareServerChange,
  passed: PassedService,
  timeoutMs: number,
): Promise<SecurityServiceUpdateResult> {
  const { operator, server, network } = scope;
  const applied = server.status?.securityServices?.find(({ type }) => type === step.type);
  const attempted = server.status?.attempted?.find(({ type }) => type === step.type);
  const former = applied === undefined ? undefined : formerService(scope, applied);
  return await lease.call(
    {
      operation: 'updateShareServerSecurityService',
      id: `${changeID}/${uidOf(server)}/${step.type}`,
      token: server.status?.operation?.token,
      timeoutMs,
      secrets: [passed.secret, former?.secret].filter((secret) => secret !== undefined),
    },
    async (driver, context) => {
      if (driver.updateShareServerSecurityService === undefined) {
        throw new DriverError({
          kind: 'Rejected',
          reason: 'SecurityServiceUpdateNotSupported',
          message: `the driver of backend ${server.spec.backendName} can not change security services`,
        });
      }
      return await driver.updateShareServerSecurityService(
        {
          server: serverForDriver(operator, server, network),
          network: driverNetwork(server, network),
          ...sharesForDriver(operator, server),
          newSecurityService: passed.driver,
          ...(former === undefined ? {} : { currentSecurityService: former.driver }),
          ...(attempted === undefined ? {} : { attemptedSecurityService: driverService(attempted, undefined) }),
        },
        context,
      );
    },
  );
}

/**
 * Stores that the driver has taken one service; with the last one the server is active again. Keys and export locations come
 * first: when this write is there, everything the driver said is.
 */
async function storeSuccess(
  scope: ServerScope,
  changeID: string,
  step: ShareServerChange,
  applied: AppliedSecurityService,
  result: SecurityServiceUpdateResult,
): Promise<ShareServer | undefined> {
  const { operator, server } = scope;
  const { informers } = operator;
  await storeBackendSecrets(operator, server, result.backendSecrets);
  await storeShareResults(operator, server, result);
  return await writeDriverResult(operator, informers.shareServers, server, (fresh) => {
    const change = fresh.status?.networkChange;
    if (change?.id !== changeID) return undefined;
    const changes = change.changes.map((one) => (one.type === step.type ? { ...one, done: true } : one));
    const complete = changes.every(({ done }) => done === true);
    const services = [...(fresh.status?.securityServices ?? []).filter(({ type }) => type !== step.type), applied];
    const draft = draftOf(operator, fresh);
    draft.set({
      securityServices: services,
      backendDetails: boundedDetails(
        { ...fresh.status?.backendDetails, ...result.backendDetails },
        serviceDetails([applied]),
      ),
      networkChange: { ...change, changes },
    });
    noteWarnings(operator, fresh, draft, result.warnings);
    if (fresh.status?.operation !== undefined) {
      const { token: _ended, ...operation } = fresh.status.operation;
      draft.set({ operation });
    }
    if (complete) {
      draft.set({
        networkChange: undefined,
        operation: undefined,
        attempted: undefined,
        lastError: undefined,
        lastNetworkChange: { id: changeID, result: 'Succeeded' },
      });
      setServiceState(draft, 'UpToDate', 'the server has the recorded services');
      leavePhase(draft, 'network_change', 'active', serverAvailable);
    }
    return draft.write(operator.client, informers.shareServers);
  });
}
