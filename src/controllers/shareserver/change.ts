import type {
  AppliedSecurityService,
  ShareServer,
  ShareServerChange,
  ShareServerNetworkChange,
} from '../../api/v1alpha1/share-server.ts';
import type { SecurityServiceUpdateResult } from '../../drivers/driver.ts';
import { asDriverError, DriverError, InProgress } from '../../drivers/errors.ts';
import type { ReconcileResult } from '../../runtime/controller.ts';
import { readBackendSecrets, storeBackendSecrets } from '../backend-secrets.ts';
import type { Permit } from '../driver-calls/driver-calls.ts';
import { driverNetwork, driverServer, driverService, serviceDetails, uidOf } from '../driver-requests.ts';
import { writeDriverResult } from '../driver-result.ts';
import { related, timestamp } from '../operator.ts';
import { isPaused } from '../requests.ts';
import { storeShareResults } from '../share-results.ts';
import { beginning } from '../sharenetwork/change.ts';
import { sharesForDriver } from '../shares-for-driver.ts';
import { noteWarnings } from '../warnings.ts';
import type { ChangePace } from './change-pace.ts';
import { draftOf, type ServerScope, serverCallScope, storedError } from './scope.ts';
import { formerService, type PassedService, passService } from './services.ts';

/**
 * Takes the server through its part of a network's change: waits until all servers are marked and for its turn, then calls the
 * driver once per changed type. Everything needed is in the server's own record, whatever became of the network's.
 */
export async function takePart(
  scope: ServerScope,
  change: ShareServerNetworkChange,
  pace: ChangePace,
  firstCalls: Map<string, number>,
): Promise<ReconcileResult | undefined> {
  const { operator, context, server, network, namespace, draft } = scope;
  const record = network?.status?.networkChange;
  if (record?.id === change.id && record.stage === 'marking') return undefined;
  if (network !== undefined && isPaused(network)) return undefined;
  const siblings = related(operator, namespace).serversOf(server.spec.shareNetworkName);
  const stored = server.status?.operation?.id === change.id;
  const turn = pace.turn(change.id, server, network, siblings);
  if (turn === 'wait') return undefined;
  if (turn === 'skip') {
    await skip(scope, change);
    return undefined;
  }
  let begun = server;
  if (!stored) {
    const { service } = related(operator, namespace);
    draft.set(beginning(server, change.id, timestamp(operator.clock), service, change.changes));
    begun = await draft.write(operator.client, operator.informers.shareServers);
  }
  return await context.outsideWorker(() =>
    callDriver({ ...scope, server: begun, draft: draftOf(operator, begun) }, change.id, pace, firstCalls),
  );
}

/** The server keeps its old services; its backend details say so again. */
async function skip({ operator, server, draft }: ServerScope, change: ShareServerNetworkChange): Promise<void> {
  const kept = server.status?.securityServices ?? [];
  const details = Object.fromEntries(
    Object.entries(server.status?.backendDetails ?? {}).filter(([key]) => !key.startsWith('security_service_')),
  );
  draft.set({
    phase: 'active',
    recordedPhase: 'active',
    networkChange: undefined,
    operation: undefined,
    lastNetworkChange: { id: change.id, result: 'NotAttempted' },
    backendDetails: { ...details, ...serviceDetails(kept) },
  });
  const message = `keeps its old security services: change ${change.id} was stopped before its turn`;
  draft.setCondition('SecurityServicesUpToDate', 'False', 'NotAttempted', message);
  draft.stand({ state: 'ready', reason: 'Available', message: 'the share server serves' });
  await draft.write(operator.client, operator.informers.shareServers);
}

async function callDriver(
  scope: ServerScope,
  changeID: string,
  pace: ChangePace,
  firstCalls: Map<string, number>,
): Promise<ReconcileResult | undefined> {
  const { operator, context, server, timeouts } = scope;
  const key = `${changeID}/${uidOf(server)}`;
  let current = server;
  const permit = await operator.calls.permit(
    serverCallScope(scope, 'exclusive', { holdNetwork: false }),
    context.signal,
    timeouts.operation,
  );
  const firstCall = firstCalls.get(key) ?? operator.clock.now();
  firstCalls.set(key, firstCall);
  try {
    for (;;) {
      const changes = current.status?.networkChange?.changes ?? [];
      const step = changes.find(({ done }) => done !== true);
      if (step === undefined) break;
      const passed = passService(scope, step.to);
      const result = await updateService(permit, { ...scope, server: current }, changeID, step, passed);
      const written = await storeSuccess({ ...scope, server: current }, changeID, step, passed.applied, result);
      if (written === undefined) break;
      current = written;
    }
    firstCalls.delete(key);
    pace.ended(changeID, server);
    return undefined;
  } catch (thrown) {
    const result = await handleFailure({ ...scope, server: current }, changeID, thrown, firstCall + timeouts.change);
    if (result === undefined) {
      firstCalls.delete(key);
      pace.ended(changeID, server);
    }
    return result;
  } finally {
    permit.release();
  }
}

async function updateService(
  permit: Permit,
  scope: ServerScope,
  changeID: string,
  step: ShareServerChange,
  passed: PassedService,
): Promise<SecurityServiceUpdateResult> {
  const { operator, server, network, timeouts } = scope;
  const applied = server.status?.securityServices?.find(({ type }) => type === step.type);
  const attempted = server.status?.attempted?.find(({ type }) => type === step.type);
  const former = applied === undefined ? undefined : formerService(scope, applied);
  return await permit.call(
    {
      operation: 'updateShareServerSecurityService',
      id: `${changeID}/${uidOf(server)}/${step.type}`,
      token: server.status?.operation?.token,
      timeoutMs: timeouts.operation,
      secrets: [passed.secret, former?.password].filter((secret) => secret !== undefined),
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
          server: driverServer(server, network, readBackendSecrets(operator, server)),
          network: driverNetwork(server, network),
          ...sharesForDriver(operator, server),
          newSecurityService: passed.driver,
          ...(former === undefined ? {} : { currentSecurityService: former }),
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
      backendDetails: { ...fresh.status?.backendDetails, ...result.backendDetails, ...serviceDetails([applied]) },
      networkChange: { ...change, changes },
    });
    noteWarnings(operator, fresh, draft, result.warnings);
    if (fresh.status?.operation !== undefined) {
      const { token: _ended, ...operation } = fresh.status.operation;
      draft.set({ operation });
    }
    // Somebody reset the phase meanwhile: the result is kept, the phase is his.
    const own = fresh.status?.phase === 'network_change';
    if (complete) {
      draft.set({
        networkChange: undefined,
        operation: undefined,
        attempted: undefined,
        lastError: undefined,
        lastNetworkChange: { id: changeID, result: 'Succeeded' },
        ...(own ? { phase: 'active', recordedPhase: 'active' } : {}),
      });
      draft.setCondition('SecurityServicesUpToDate', 'True', 'UpToDate', 'the server has the recorded services');
      if (own) draft.stand({ state: 'ready', reason: 'Available', message: 'the share server serves' });
    }
    return draft.write(operator.client, informers.shareServers);
  });
}

/** @returns when to go on; undefined when the failure is final and stored */
async function handleFailure(
  scope: ServerScope,
  changeID: string,
  thrown: unknown,
  deadline: number,
): Promise<ReconcileResult | undefined> {
  const { operator, server } = scope;
  const { informers, clock } = operator;
  if (thrown instanceof InProgress && clock.now() < deadline) {
    await writeDriverResult(operator, informers.shareServers, server, (fresh) => {
      if (fresh.status?.operation?.id !== changeID) return undefined;
      const draft = draftOf(operator, fresh);
      draft.set({ operation: { ...fresh.status.operation, token: thrown.token } });
      return draft.write(operator.client, informers.shareServers);
    });
    return { requeueAfterMs: Math.max(1, thrown.pollAfter * 1000) };
  }
  // A failure of the API server is nobody's verdict: the whole step is repeated.
  if (!(thrown instanceof DriverError || thrown instanceof InProgress)) throw thrown;
  const error = thrown instanceof InProgress ? tookTooLong() : asDriverError(thrown);
  if (error.kind === 'Unavailable' && clock.now() < deadline) {
    await writeDriverResult(operator, informers.shareServers, server, (fresh) => {
      if (fresh.status?.networkChange?.id !== changeID) return undefined;
      const draft = draftOf(operator, fresh);
      draft.stand({ state: 'working', reason: error.reason, message: `${error.message}; it is tried again` });
      return draft.write(operator.client, informers.shareServers);
    });
    throw error;
  }
  await writeDriverResult(operator, informers.shareServers, server, (fresh) => {
    const change = fresh.status?.networkChange;
    if (change?.id !== changeID) return undefined;
    const draft = draftOf(operator, fresh);
    draft.set({
      phase: 'error',
      recordedPhase: 'error',
      networkChange: undefined,
      operation: undefined,
      lastNetworkChange: { id: changeID, result: 'Failed' },
      lastError: storedError(operator, 'updateShareServerSecurityService', error),
      attempted: change.changes
        .filter(({ done }) => done !== true)
        .map(({ type, to }) => attemptedService(scope, type, to)),
    });
    draft.setCondition('SecurityServicesUpToDate', 'False', 'UpdateFailed', error.message);
    draft.stand({ state: 'stalled', reason: 'UpdateFailed', message: error.message });
    return draft.write(operator.client, informers.shareServers);
  });
  operator.recorder.event(server, {
    type: 'Warning',
    reason: 'UpdateFailed',
    action: 'ChangeSecurityServices',
    note: `change ${changeID}: ${error.reason}: ${error.message}`,
  });
  return undefined;
}

function attemptedService(scope: ServerScope, type: AppliedSecurityService['type'], to: ShareServerChange['to']) {
  try {
    return passService(scope, to).applied;
  } catch {
    // The service is gone: what is known of it is its record.
    return { type, name: to.name, uid: to.uid, generation: to.generation };
  }
}

function tookTooLong(): DriverError {
  return new DriverError({
    kind: 'Rejected',
    reason: 'ChangeTimedOut',
    message: 'the storage system did not finish the change within changeTimeout',
  });
}
