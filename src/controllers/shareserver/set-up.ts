import type { NetworkAllocation, ShareServer } from '../../api/v1alpha1/share-server.ts';
import { asDriverError, DriverError, InProgress } from '../../drivers/errors.ts';
import { associationPending } from '../../network-change/association.ts';
import type { ReconcileResult } from '../../runtime/controller.ts';
import { allocateAddresses, canonicalAddress, segmentKey } from '../../scheduling/address-allocation.ts';
import { readBackendSecrets, storeBackendSecrets } from '../backend-secrets.ts';
import { driverNetwork, driverServer, serviceDetails, uidOf } from '../driver-requests.ts';
import { writeDriverResult } from '../driver-result.ts';
import { addFinalizer, hasFinalizer } from '../finalizers.ts';
import { namespaceIsTerminating, related, timestamp } from '../operator.ts';
import { unhandledReconcileToken } from '../requests.ts';
import { isServing } from '../storagebackend/reconciler.ts';
import { noteWarnings } from '../warnings.ts';
import { draftOf, type ServerScope, serverCallScope, storedError } from './scope.ts';
import { passService } from './services.ts';

const firstRetryMs = 5000;
const lastRetryMs = 300_000;

/** Makes the server on the storage system with the network's recorded services. */
export async function setUp(scope: ServerScope): Promise<ReconcileResult | undefined> {
  const { operator, context, server, draft, backend } = scope;
  const wait = whyWait(scope);
  if (wait !== undefined) {
    draft.stand({ state: 'working', ...wait });
    return undefined;
  }
  if (!hasFinalizer(server)) {
    await addFinalizer(operator.client, operator.informers.shareServers, server);
    return undefined;
  }
  if (draft.status.phase === 'error') {
    const delayMs = retryDelay(scope);
    if (delayMs > 0) return { requeueAfterMs: delayMs };
  }
  const capabilities = backend?.status?.capabilities;
  const allocations = allocate(scope, capabilities?.networkAllocationsPerServer ?? 0);
  if ('exhausted' in allocations) {
    draft.stand({ state: 'working', reason: 'AddressesExhausted', message: allocations.message });
    return { requeueAfterMs: 60_000 };
  }
  const operation = server.status?.operation ?? {
    id: `setup/${uidOf(server)}`,
    name: 'setupServer',
    startedTime: timestamp(operator.clock),
  };
  draft.set({
    phase: 'creating',
    recordedPhase: 'creating',
    networkAllocations: allocations.addresses,
    operation,
  });
  draft.stand({ state: 'working', reason: 'Creating', message: 'the share server is being set up' });
  const begun = await draft.write(operator.client, operator.informers.shareServers);
  return await context.outsideWorker(() => callSetUp({ ...scope, server: begun, draft: draftOf(operator, begun) }));
}

async function callSetUp(scope: ServerScope): Promise<ReconcileResult | undefined> {
  const { operator, context, server, timeouts } = scope;
  const { informers } = operator;
  const permit = await operator.calls.permit(
    serverCallScope(scope, 'exclusive', { holdNetwork: true }),
    context.signal,
    timeouts.operation,
  );
  try {
    // What was true before the permit may have changed while it was waited for.
    const network = related(operator, scope.namespace).network(server.spec.shareNetworkName);
    if (network === undefined || network.status?.phase !== 'active') return { requeueAfterMs: 100 };
    const { operation } = server.status ?? {};
    const services = (network.status.securityServices ?? []).map((recorded) => passService(scope, recorded));
    const result = await permit.call(
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
            server: driverServer(server, network, readBackendSecrets(operator, server)),
            network: driverNetwork(server, network),
            securityServices: services.map((service) => service.driver),
          },
          call,
        ),
    );
    await storeBackendSecrets(operator, server, result.backendSecrets);
    const applied = services.map((service) => service.applied);
    await writeDriverResult(operator, informers.shareServers, server, (fresh) => {
      if (fresh.status?.operation?.id !== operation?.id) return undefined;
      const draft = draftOf(operator, fresh);
      draft.set({
        phase: 'active',
        recordedPhase: 'active',
        identifier: result.identifier,
        backendDetails: { ...result.backendDetails, ...serviceDetails(applied) },
        securityServices: applied,
        attempted: undefined,
        operation: undefined,
        lastError: undefined,
      });
      draft.setCondition('SecurityServicesUpToDate', 'True', 'UpToDate', 'the server has the recorded services');
      noteWarnings(operator, fresh, draft, result.warnings);
      draft.stand({ state: 'ready', reason: 'Available', message: 'the share server serves' });
      return draft.write(operator.client, informers.shareServers);
    });
    return undefined;
  } catch (thrown) {
    return await setUpFailed(scope, thrown);
  } finally {
    permit.release();
  }
}

async function setUpFailed(scope: ServerScope, thrown: unknown): Promise<ReconcileResult | undefined> {
  const { operator, server, network, namespace } = scope;
  const { informers } = operator;
  if (thrown instanceof InProgress) {
    await writeDriverResult(operator, informers.shareServers, server, (fresh) => {
      if (fresh.status?.operation === undefined) return undefined;
      const draft = draftOf(operator, fresh);
      draft.set({ operation: { ...fresh.status.operation, token: thrown.token } });
      return draft.write(operator.client, informers.shareServers);
    });
    return { requeueAfterMs: thrown.pollAfter * 1000 };
  }
  if (!(thrown instanceof DriverError)) throw thrown;
  const error = asDriverError(thrown);
  const final = error.kind !== 'Unavailable';
  await writeDriverResult(operator, informers.shareServers, server, (fresh) => {
    const draft = draftOf(operator, fresh);
    if (final) {
      const { service } = related(operator, namespace);
      const attempted = (network?.status?.securityServices ?? []).flatMap(({ name, uid, type, generation }) =>
        service(name) === undefined ? [] : [{ name, uid, type, generation }],
      );
      draft.set({
        phase: 'error',
        recordedPhase: 'error',
        lastError: storedError(operator, 'setupServer', error),
        attempted,
        ...(error.partial?.identifier === undefined ? {} : { identifier: error.partial.identifier }),
        ...(error.partial?.backendDetails === undefined ? {} : { backendDetails: error.partial.backendDetails }),
      });
      if (fresh.status?.operation !== undefined) {
        // Kept without its token: the tear-down must know that something may have been made.
        const { token: _ended, ...operation } = fresh.status.operation;
        draft.set({ operation });
      }
      draft.stand({ state: 'stalled', reason: 'SetupFailed', message: error.message });
    } else {
      draft.stand({ state: 'working', reason: error.reason, message: error.message });
    }
    return draft.write(operator.client, informers.shareServers);
  });
  if (!final) throw error;
  operator.recorder.event(server, {
    type: 'Warning',
    reason: 'SetupFailed',
    action: 'SetUpShareServer',
    note: `${error.reason}: ${error.message}`,
  });
  return undefined;
}

/** Why the server can't be set up now. */
function whyWait(scope: ServerScope): { readonly reason: string; readonly message: string } | undefined {
  const { operator, server, namespace, network, backend } = scope;
  if (namespaceIsTerminating(operator, namespace)) {
    return { reason: 'NamespaceTerminating', message: 'nothing is made in a namespace that is being deleted' };
  }
  if (network === undefined) {
    return { reason: 'ShareNetworkNotFound', message: `share network ${server.spec.shareNetworkName} does not exist` };
  }
  if (network.status?.phase !== 'active') {
    return { reason: 'ShareNetworkNotActive', message: `waits until share network ${network.metadata.name} is active` };
  }
  if (associationPending(network, related(operator, namespace).serversOf(network.metadata.name))) {
    return {
      reason: 'SecurityServicesPending',
      message: `waits until share network ${network.metadata.name} has recorded its security services`,
    };
  }
  if (!isServing(backend) || backend.spec.enabled === false) {
    return { reason: 'BackendUnavailable', message: `backend ${server.spec.backendName} is not ready or not enabled` };
  }
  return undefined;
}

/**
 * Milliseconds until a failed set-up is tried again; at once on a new association or token. The pause grows with the time that
 * has gone into it, which needs no counter and survives restarts.
 */
function retryDelay({ operator, server, network, draft }: ServerScope): number {
  const token = unhandledReconcileToken(server);
  if (token !== undefined) {
    draft.set({ lastHandledReconcileAt: token });
    return 0;
  }
  const { lastError, operation, attempted = [] } = server.status ?? {};
  if (lastError === undefined) return 0;
  const association = network?.status?.securityServices ?? [];
  const same =
    attempted.length === association.length &&
    association.every(({ uid }) => attempted.some((service) => service.uid === uid));
  if (!same) return 0;
  const failedAt = Date.parse(lastError.time);
  const spent = failedAt - Date.parse(operation?.startedTime ?? lastError.time);
  const pause = Math.min(lastRetryMs, Math.max(firstRetryMs, spent));
  return Math.max(0, failedAt + pause - operator.clock.now());
}

type Allocations =
  | { readonly addresses: readonly NetworkAllocation[] }
  | { readonly exhausted: true; readonly message: string };

/** The server's addresses: those it has, else free ones of its subnet, unique on the backend's segment over all namespaces. */
function allocate({ operator, server, network }: ServerScope, count: number): Allocations {
  const present = server.status?.networkAllocations ?? [];
  const subnet = network?.spec.subnets?.find(({ name }) => name === server.spec.subnetName);
  if (present.length > 0 || count === 0) return { addresses: present };
  if (subnet === undefined) {
    return { exhausted: true, message: `subnet ${server.spec.subnetName} is not in the share network any more` };
  }
  const segment = segmentKey(subnet);
  const used = new Set<string>();
  for (const other of operator.informers.shareServers.cache.byIndex('byBackend', server.spec.backendName)) {
    for (const { subnetName, ipAddress } of other.status?.networkAllocations ?? []) {
      if ((segmentOf(operator, other, subnetName) ?? segment) === segment) used.add(canonicalAddress(ipAddress));
    }
  }
  const result = allocateAddresses({ subnet, count, used });
  if (result.exhausted === true) return result;
  return { addresses: result.addresses.map((ipAddress) => ({ subnetName: subnet.name, ipAddress })) };
}

/** Segment of another server's subnet; where that can't be told its address is taken for used. */
function segmentOf(operator: ServerScope['operator'], server: ShareServer, subnetName: string): string | undefined {
  const network = related(operator, server.metadata.namespace ?? '').network(server.spec.shareNetworkName);
  const subnet = network?.spec.subnets?.find(({ name }) => name === subnetName);
  return subnet === undefined ? undefined : segmentKey(subnet);
}
