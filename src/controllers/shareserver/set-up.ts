import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { Finding } from '../../api/v1alpha1/finding.ts';
import * as labels from '../../api/v1alpha1/labels.ts';
import { toReason } from '../../api/v1alpha1/reasons/reason.ts';
import type { ShareNetwork, ShareNetworkSubnet } from '../../api/v1alpha1/share-network.ts';
import type { AppliedSecurityService, GivenSubnet, ShareServer } from '../../api/v1alpha1/share-server.ts';
import { namespaceIsTerminating, namespaceView } from '../../cluster-state/namespace-view.ts';
import { requestToken, unhandledReconcileToken } from '../../cluster-state/requests.ts';
import { DriverError, InProgress } from '../../drivers/errors.ts';
import { associationPending } from '../../network-change/association.ts';
import { takesChanges } from '../../network-change/backend-state.ts';
import { timestamp } from '../../runtime/clock.ts';
import type { ReconcileResult } from '../../runtime/controller.ts';
import { uidOf } from '../../runtime/kube-object.ts';
import { segmentOf } from '../../scheduling/segments.ts';
import { segmentAllowed } from '../../scheduling/selection.ts';
import { subnetProblem } from '../../scheduling/subnets.ts';
import { credentialsRefused } from '../credentials/refusals.ts';
import { CredentialsNotTried, useCredentials } from '../credentials/use-credentials.ts';
import { CallsSuspended, suspendedPauseMs } from '../driver-calls/backend-circuits.ts';
import { storeBackendSecrets } from '../driver-calls/backend-secrets.ts';
import type { CallLease } from '../driver-calls/call-lease.ts';
import { boundedDetails, isStorable, storableIdentifier } from '../driver-calls/driver-data.ts';
import { driverNetwork, serviceDetails } from '../driver-calls/driver-requests.ts';
import { serverForDriver } from '../driver-calls/server-for-driver.ts';
import { addFinalizer, hasFinalizer } from '../lifecycle/finalizers.ts';
import { writeDriverResult } from '../status/driver-result.ts';
import { namespaceTerminating, networkNotActive } from '../status/findings.ts';
import { reportingWaits } from '../status/long-waits.ts';
import { serverAvailable } from '../status/readiness.ts';
import { draftOf, ownPhase } from '../status/status-draft.ts';
import { noteWarnings } from '../status/warnings.ts';
import type { CallProgress } from './call-progress.ts';
import { leavePhase, type ServerScope, serverCallScope, storedError } from './scope.ts';
import { allocate, type GivenAddresses, subnetOf } from './server-addresses.ts';
import { setServiceState } from './service-state.ts';
import { type PassedService, passServices, whyNotPassable } from './services.ts';

const firstRetryMs = 5000;
const lastRetryMs = 300_000;

/** Makes the server on the storage system with the network's recorded services. */
export async function setUp(
  scope: ServerScope,
  progress: CallProgress,
  given: GivenAddresses,
): Promise<ReconcileResult | undefined> {
  const { operator, context, server, draft, backend } = scope;
  const wait = whyWait(scope);
  if (wait !== undefined) {
    draft.setReadiness({ state: 'working', ...wait });
    return undefined;
  }
  const asked = await takeRequest(scope);
  const refusal = operator.refusals.findAny(operator, scope.namespace, recordedNames(scope.network));
  if (refusal !== undefined) {
    // Trying once more would bring the account closer to being locked: no timer, whatever else is due.
    draft.setReadiness({ state: 'stalled', reason: credentialsRefused, message: refusal.message });
    return undefined;
  }
  if (!hasFinalizer(server)) {
    await addFinalizer(operator.client, operator.informers.shareServers, server);
    return undefined;
  }
  if (draft.status.phase === 'error') {
    const delayMs = asked ? 0 : retryDelay(scope);
    if (delayMs > 0) return { requeueAfterMs: delayMs };
  }
  const restMs = progress.restMs(setUpKey(server));
  if (restMs > 0) return { requeueAfterMs: restMs };
  // What the driver returns could not be kept.
  await operator.refusedWrites.stillRefused(uidOf(server));
  const capabilities = backend?.status?.capabilities;
  const allocations = allocate(scope, capabilities?.networkAllocationsPerServer ?? 0, given);
  if ('exhausted' in allocations) {
    draft.setReadiness({ state: 'working', reason: 'AddressesExhausted', message: allocations.message });
    return { requeueAfterMs: 60_000 };
  }
  const operation = server.status?.operation ?? {
    id: `setup/${uidOf(server)}`,
    name: 'setupServer',
    startedTime: timestamp(operator.clock),
  };
  draft.set({
    ...ownPhase('creating'),
    networkAllocations: allocations.addresses,
    // From here on the server uses it: in the network it may only gain ranges.
    subnet: server.status?.subnet ?? givenSubnet(subnetOf(scope)),
    operation,
    setupRequests: requestsOf(scope),
  });
  draft.setReadiness({ state: 'working', reason: 'Creating', message: 'the share server is being set up' });
  const begun = await draft.write(operator.client, operator.informers.shareServers);
  const marked = { ...scope, server: begun, draft: draftOf(operator, begun) };
  return await context.outsideWorker(() =>
    reportingWaits(operator, operator.informers.shareServers, begun, (waiting) => callSetUp(marked, progress, waiting)),
  );
}

/** A subnet as it is recorded: with what was not given. */
function givenSubnet(subnet: ShareNetworkSubnet | undefined): GivenSubnet | undefined {
  return subnet === undefined ? undefined : { ...subnet, networkType: subnet.networkType ?? 'flat' };
}

function setUpKey(server: ShareServer): string {
  return `setup/${uidOf(server)}`;
}

async function callSetUp(
  scope: ServerScope,
  progress: CallProgress,
  waiting: (wait: Finding | undefined) => void,
): Promise<ReconcileResult | undefined> {
  const { operator, context, server, namespace, timeouts } = scope;
  const { informers } = operator;
  const { operation } = server.status ?? {};
  const key = setUpKey(server);
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
      progress.begin(key);
      // What was true before the lease may have changed while it was waited for.
      const network = namespaceView(operator, namespace).network(server.spec.shareNetworkName);
      if (network === undefined || network.status?.phase !== 'active') return undefined;
      if (!isDeepStrictEqual(passServices({ ...scope, network }), services)) return undefined;
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
    });
    if (result === undefined) return { requeueAfterMs: 100 };
    const identifier = storableIdentifier(result.identifier);
    await storeBackendSecrets(operator, server, result.backendSecrets);
    const applied = services.map((service) => service.applied);
    await writeDriverResult(operator, informers.shareServers, server, (fresh) => {
      if (fresh.status?.operation?.id !== operation?.id) return undefined;
      const draft = draftOf(operator, fresh);
      draft.set({
        identifier,
        backendDetails: boundedDetails(result.backendDetails, serviceDetails(applied)),
        securityServices: applied,
        attempted: undefined,
        operation: undefined,
        lastError: undefined,
      });
      setServiceState(draft, 'UpToDate', 'the server has the recorded services');
      noteWarnings(operator, fresh, draft, result.warnings);
      leavePhase(draft, 'creating', 'active', serverAvailable);
      return draft.write(operator.client, informers.shareServers);
    });
    progress.ended(key);
    return undefined;
  } catch (thrown) {
    return await setUpFailed(scope, thrown, progress, services);
  } finally {
    for (const lease of held) lease.release();
  }
}

async function setUpFailed(
  scope: ServerScope,
  thrown: unknown,
  progress: CallProgress,
  services: readonly PassedService[],
): Promise<ReconcileResult | undefined> {
  const { operator, server } = scope;
  const { informers } = operator;
  const key = setUpKey(server);
  if (thrown instanceof CredentialsNotTried) {
    progress.ended(key);
    return { requeueAfterMs: 1 };
  }
  if (thrown instanceof InProgress) {
    const requeueAfterMs = progress.polled(key, thrown.pollAfter * 1000, lastRetryMs);
    await writeDriverResult(operator, informers.shareServers, server, (fresh) => {
      if (fresh.status?.operation === undefined) return undefined;
      const draft = draftOf(operator, fresh);
      draft.set({ operation: { ...fresh.status.operation, token: thrown.token } });
      return draft.write(operator.client, informers.shareServers);
    });
    return { requeueAfterMs };
  }
  if (thrown instanceof CallsSuspended) return { requeueAfterMs: suspendedPauseMs };
  if (!(thrown instanceof DriverError)) throw thrown;
  const { reason, message, retryAfter } = thrown;
  if (thrown.kind === 'Unavailable') {
    const requeueAfterMs = progress.failed(key, retryAfter === undefined ? undefined : retryAfter * 1000, lastRetryMs);
    await writeDriverResult(operator, informers.shareServers, server, (fresh) => {
      if (fresh.status?.phase !== 'creating') return undefined;
      const draft = draftOf(operator, fresh);
      draft.setReadiness({ state: 'working', reason: toReason(reason), message: `${message}; it is tried again` });
      return draft.write(operator.client, informers.shareServers);
    });
    return { requeueAfterMs };
  }
  progress.ended(key);
  await storeFailure(scope, thrown, services);
  operator.recorder.event(server, {
    type: 'Warning',
    reason: 'SetupFailed',
    action: 'SetUpShareServer',
    note: `${reason}: ${message}`,
  });
  return undefined;
}

async function storeFailure(
  { operator, server }: ServerScope,
  error: DriverError,
  services: readonly PassedService[],
): Promise<void> {
  const { informers } = operator;
  const { identifier, backendDetails } = error.partial ?? {};
  await writeDriverResult(operator, informers.shareServers, server, (fresh) => {
    const draft = draftOf(operator, fresh);
    draft.set({
      lastError: storedError(operator, 'setupServer', error),
      attempted: services.map(({ applied }) => applied),
      ...(identifier === undefined || !isStorable(identifier) ? {} : { identifier }),
      ...(backendDetails === undefined ? {} : { backendDetails: boundedDetails(backendDetails) }),
    });
    if (fresh.status?.operation !== undefined) {
      // Kept without its token: the tear-down must know that something may have been made.
      const { token: _ended, ...operation } = fresh.status.operation;
      draft.set({ operation });
    }
    const reason = error.refusedCredentials.length > 0 ? credentialsRefused : 'SetupFailed';
    leavePhase(draft, 'creating', 'error', { state: 'stalled', reason, message: error.message });
    return draft.write(operator.client, informers.shareServers);
  });
}

/** Why the server can't be set up now. */
function whyWait(scope: ServerScope): Finding | undefined {
  const { operator, server, namespace, network, backend } = scope;
  if (namespaceIsTerminating(operator, namespace)) return namespaceTerminating;
  if (network === undefined) {
    return { reason: 'ShareNetworkNotFound', message: `share network ${server.spec.shareNetworkName} does not exist` };
  }
  if (network.status?.phase !== 'active') return networkNotActive(network.metadata.name);
  if (associationPending(network, namespaceView(operator, namespace).serversOf(network.metadata.name))) {
    return {
      reason: 'SecurityServicesPending',
      message: `waits until share network ${network.metadata.name} has recorded its security services`,
    };
  }
  const incomplete = (network.status.securityServices ?? []).flatMap((recorded) => {
    const why = whyNotPassable(scope, recorded);
    return why === undefined ? [] : [why.message];
  });
  if (incomplete.length > 0) {
    return { reason: 'SecurityServiceIncomplete', message: incomplete.join('; ') };
  }
  if (!takesChanges(backend)) {
    return { reason: 'BackendUnavailable', message: `backend ${server.spec.backendName} is not ready or not enabled` };
  }
  return (
    subnetProblem(network.spec, namespaceView(operator, namespace).serversOf(network.metadata.name)) ??
    whyNoSegment(scope)
  );
}

/** A backend's owner may have closed the segment since the server was placed. */
function whyNoSegment(scope: ServerScope): Finding | undefined {
  const { operator, namespace, backend } = scope;
  const subnet = subnetOf(scope);
  const labels = operator.informers.namespaces.cache.get({ name: namespace })?.metadata.labels ?? {};
  if (backend === undefined || subnet === undefined) return undefined;
  if (segmentAllowed(subnet, backend.spec.allowedSegments, labels)) return undefined;
  return {
    reason: 'SegmentNotAllowed',
    message: `backend ${backend.metadata.name} does not allow the segment of subnet ${subnet.name}, ${segmentOf(subnet)}`,
  };
}

/**
 * Milliseconds until a failed set-up is tried again; at once when a service, its password or a request is another one than at the last
 * attempt. The pause grows with the time that has gone into it, which needs no counter and survives restarts.
 */
function retryDelay(scope: ServerScope): number {
  const { operator, server } = scope;
  const { lastError, operation, attempted = [], setupRequests } = server.status ?? {};
  if (lastError === undefined) return 0;
  const requests = requestsOf(scope);
  if (requests !== undefined && requests !== setupRequests) return 0;
  if (!sameServices(operator, attempted, passServices(scope))) return 0;
  const failedAt = Date.parse(lastError.time);
  const spent = failedAt - Date.parse(operation?.startedTime ?? lastError.time);
  const pause = Math.min(lastRetryMs, Math.max(firstRetryMs, spent));
  return Math.max(0, failedAt + pause - operator.clock.now());
}

/** Whether another attempt would be given what the last one was. */
function sameServices(
  { installation }: ServerScope['operator'],
  attempted: readonly AppliedSecurityService[],
  present: readonly PassedService[],
): boolean {
  return (
    attempted.length === present.length &&
    present.every(({ applied: { generation: _, credentialsVersion, ...service } }) =>
      attempted.some(
        ({ generation: __, credentialsVersion: before, ...other }) =>
          isDeepStrictEqual(other, service) && !installation.differs(before, credentialsVersion),
      ),
    )
  );
}

/** Takes a request on the server itself: credentials that were refused may be tried again. @returns whether there was one */
async function takeRequest({ operator, server, namespace, network, draft }: ServerScope): Promise<boolean> {
  const token = unhandledReconcileToken(server);
  if (token === undefined) return false;
  await operator.refusals.lift(operator, namespace, recordedNames(network));
  draft.set({ lastHandledReconcileAt: token });
  return true;
}

/**
 * Digest of the requests for the network, its services and the shares that wait for the server; undefined where there are none. Those who
 * asked may not be able to annotate the server.
 */
function requestsOf({ operator, namespace, network, shares }: ServerScope): string | undefined {
  const { service } = namespaceView(operator, namespace);
  const asked = [network, ...recordedNames(network).map(service), ...shares].flatMap((object) =>
    [labels.reapplyRequestedAt, labels.reconcileRequestedAt].flatMap((annotation) => {
      const token = object && requestToken(object, annotation);
      return token === undefined ? [] : [`${object?.metadata.uid} ${annotation} ${token}`];
    }),
  );
  return asked.length === 0
    ? undefined
    : createHash('sha256').update(asked.sort().join('\n')).digest('hex').slice(0, 16);
}

function recordedNames(network: ShareNetwork | undefined): readonly string[] {
  return (network?.status?.securityServices ?? []).map(({ name }) => name);
}
