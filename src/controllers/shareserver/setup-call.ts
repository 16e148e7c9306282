import { isDeepStrictEqual } from 'node:util';
import type { Finding } from '../../api/v1alpha1/finding.ts';
import { toReason } from '../../api/v1alpha1/reasons/reason.ts';
import type { ShareServer } from '../../api/v1alpha1/share-server.ts';
import type { ServerSetupResult } from '../../drivers/driver.ts';
import { DriverError, InProgress } from '../../drivers/errors.ts';
import { uidOf } from '../../runtime/kube-object.ts';
import { credentialsRefused } from '../credentials/refusals.ts';
import { CredentialsNotTried, useCredentials } from '../credentials/use-credentials.ts';
import { CallsSuspended, suspendedPauseMs } from '../driver-calls/backend-circuits.ts';
import { storeBackendSecrets } from '../driver-calls/backend-secrets.ts';
import type { CallLease } from '../driver-calls/call-lease.ts';
import { boundedDetails, isStorable, storableIdentifier } from '../driver-calls/driver-data.ts';
import { driverNetwork, serviceDetails } from '../driver-calls/driver-requests.ts';
import { serverForDriver } from '../driver-calls/server-for-driver.ts';
import { passOver, type Step } from '../reconcile/step.ts';
import { writeDriverResult } from '../status/driver-result.ts';
import { serverAvailable } from '../status/readiness.ts';
import { draftOf } from '../status/status-draft.ts';
import { noteWarnings } from '../status/warnings.ts';
import { lastRetryMs } from './retry-delay.ts';
import { leavePhase, type ServerDraft, type ServerScope, serverCallScope, storedError } from './scope.ts';
import { setServiceState } from './service-state.ts';
import { type PassedService, passServices } from './services.ts';

/** Names the setup of a server among the operations of this process. */
export function setupKey(server: ShareServer): string {
  return `setup/${uidOf(server)}`;
}

/** Calls the driver for a server whose status stores the operation, and stores the outcome. */
export async function callSetup(scope: ServerScope, waiting: (wait: Finding | undefined) => void): Promise<Step> {
  const { operator, context, server, namespace, timeouts, memory } = scope;
  const key = setupKey(server);
  const held: CallLease[] = [];
  let services: readonly PassedService[] = [];
  try {
    services = passServices(scope);
    const use = {
      namespace,
      holder: key,
      required: services,
      signal: context.signal,
      waitMs: timeouts.operation,
      waiting,
    };
    const result = await useCredentials(operator, use, async () => {
      const callScope = serverCallScope(scope, 'exclusive', { holdNetwork: true });
      const lease = await operator.calls.acquire(callScope, context.signal, timeouts.operation, waiting);
      held.push(lease);
      memory.progress.begin(key);
      // The network and its services may have changed while the lease was acquired.
      const network = scope.view.network(server.spec.shareNetworkName);
      if (network === undefined || network.status?.phase !== 'active') return undefined;
      if (!isDeepStrictEqual(passServices({ ...scope, network }), services)) return undefined;
      return await callDriver({ ...scope, network }, lease, services);
    });
    if (result === undefined) return passOver(100);
    await storeResult(scope, services, result);
    memory.progress.ended(key);
    return passOver();
  } catch (thrown) {
    return passOver(await handleFailure(scope, thrown, services));
  } finally {
    for (const lease of held) lease.release();
  }
}

async function callDriver(
  { operator, server, network, timeouts }: ServerScope,
  lease: CallLease,
  services: readonly PassedService[],
): Promise<ServerSetupResult> {
  const { operation } = server.status ?? {};
  return await lease.call(
    {
      operation: 'setupServer',
      id: operation?.id ?? uidOf(server),
      token: operation?.token,
      timeoutMs: timeouts.operation,
      secrets: services.flatMap(({ secret }) => (secret === undefined ? [] : [secret])),
    },
    (driver, call) =>
      driver.setupServer(
        {
          server: serverForDriver(operator, server, network),
          network: driverNetwork(server, network),
          securityServices: services.map((service) => service.driver),
        },
        call,
      ),
  );
}

async function storeResult(
  scope: ServerScope,
  services: readonly PassedService[],
  result: ServerSetupResult,
): Promise<void> {
  const { operator, server } = scope;
  const identifier = storableIdentifier(result.identifier);
  await storeBackendSecrets(operator, server, result.backendSecrets);
  const applied = services.map((service) => service.applied);
  await update(scope, (draft) => {
    if (draft.status.operation?.id !== server.status?.operation?.id) return false;
    draft.set({
      identifier,
      backendDetails: boundedDetails(result.backendDetails, serviceDetails(applied)),
      securityServices: applied,
      attempted: undefined,
      operation: undefined,
      lastError: undefined,
    });
    setServiceState(draft, 'UpToDate', 'the server has the recorded services');
    noteWarnings(operator, draft.object, draft, result.warnings);
    leavePhase(draft, 'creating', 'active', serverAvailable);
    return true;
  });
}

/** @returns milliseconds until the setup is continued or tried again; undefined if the failure is stored */
async function handleFailure(
  scope: ServerScope,
  thrown: unknown,
  services: readonly PassedService[],
): Promise<number | undefined> {
  const { server, memory } = scope;
  const key = setupKey(server);
  if (thrown instanceof CredentialsNotTried) {
    memory.progress.ended(key);
    return 1;
  }
  if (thrown instanceof InProgress) {
    const requeueAfterMs = memory.progress.polled(key, thrown.pollAfter * 1000, lastRetryMs);
    await update(scope, (draft) => {
      const { operation } = draft.status;
      if (operation === undefined) return false;
      draft.set({ operation: { ...operation, token: thrown.token } });
      return true;
    });
    return requeueAfterMs;
  }
  if (thrown instanceof CallsSuspended) return suspendedPauseMs;
  if (!(thrown instanceof DriverError)) throw thrown;
  const { reason, message, retryAfter } = thrown;
  if (thrown.kind === 'Unavailable') {
    const retryAfterMs = retryAfter === undefined ? undefined : retryAfter * 1000;
    const requeueAfterMs = memory.progress.failed(key, retryAfterMs, lastRetryMs);
    await update(scope, (draft) => {
      if (draft.status.phase !== 'creating') return false;
      draft.setReadiness({ state: 'working', reason: toReason(reason), message: `${message}; it is tried again` });
      return true;
    });
    return requeueAfterMs;
  }
  memory.progress.ended(key);
  await storeFailure(scope, thrown, services);
  return undefined;
}

async function storeFailure(scope: ServerScope, error: DriverError, services: readonly PassedService[]): Promise<void> {
  const { operator, server } = scope;
  const { identifier, backendDetails } = error.partial ?? {};
  await update(scope, (draft) => {
    draft.set({
      lastError: storedError(operator, 'setupServer', error),
      attempted: services.map(({ applied }) => applied),
      ...(identifier === undefined || !isStorable(identifier) ? {} : { identifier }),
      ...(backendDetails === undefined ? {} : { backendDetails: boundedDetails(backendDetails) }),
    });
    if (draft.status.operation !== undefined) {
      // Kept without its token: the teardown has to know that the storage system may have part of the server.
      const { token: _ended, ...operation } = draft.status.operation;
      draft.set({ operation });
    }
    const reason = error.refusedCredentials.length > 0 ? credentialsRefused : 'SetupFailed';
    leavePhase(draft, 'creating', 'error', { state: 'stalled', reason, message: error.message });
    return true;
  });
  operator.recorder.event(server, {
    type: 'Warning',
    reason: 'SetupFailed',
    action: 'SetUpShareServer',
    note: `${error.reason}: ${error.message}`,
  });
}

/** Stores what the driver answered. @param change returns whether the answer still concerns the server */
async function update({ operator, server }: ServerScope, change: (draft: ServerDraft) => boolean): Promise<void> {
  const { shareServers } = operator.informers;
  await writeDriverResult(operator, shareServers, server, (fresh) => {
    const draft = draftOf(operator, fresh);
    return change(draft) ? draft.write(operator.client, shareServers) : undefined;
  });
}
