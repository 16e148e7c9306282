import type { Finding } from '../../api/v1alpha1/finding.ts';
import { toReason } from '../../api/v1alpha1/reasons/reason.ts';
import { mayAbandon } from '../../cluster-state/requests.ts';
import { asDriverError, DriverError, InProgress } from '../../drivers/errors.ts';
import { timestamp } from '../../runtime/clock.ts';
import type { ReconcileResult } from '../../runtime/controller.ts';
import { nameOf, uidOf } from '../../runtime/kube-object.ts';
import { nameList } from '../../values/name-list.ts';
import { useCredentials } from '../credentials/use-credentials.ts';
import { CallsSuspended, suspendedPauseMs } from '../driver-calls/backend-circuits.ts';
import { deleteBackendSecrets } from '../driver-calls/backend-secrets.ts';
import type { CallLease } from '../driver-calls/call-lease.ts';
import { driverNetwork } from '../driver-calls/driver-requests.ts';
import { serverForDriver } from '../driver-calls/server-for-driver.ts';
import { removeFinalizer } from '../lifecycle/finalizers.ts';
import { isCurrent, listLive, staleCache } from '../lifecycle/live.ts';
import { backendNotFound, callsSuspended } from '../status/findings.ts';
import { reportingWaits } from '../status/long-waits.ts';
import { draftOf, latestOf, ownPhase } from '../status/status-draft.ts';
import { noteWarnings } from '../status/warnings.ts';
import { type ServerScope, serverCallScope } from './scope.ts';
import { formerService } from './services.ts';

/** Whether the server has to serve on although it is to be deleted. What a driver has begun to tear down does no more. */
export function servesOn({ server, shares: placed }: Pick<ServerScope, 'server' | 'shares'>): boolean {
  const { operation } = server.status ?? {};
  return placed.length > 0 && !(operation?.name === 'teardownServer' && operation.token !== undefined);
}

/**
 * Says why a server that is to be deleted serves on. A share that was placed in the same moment in which the tear-down began
 * comes first: drivers tear down nothing that has shares.
 */
export function standBlocked({ draft, shares: placed }: ServerScope): void {
  const names = nameList(placed.map(({ metadata }) => metadata.name));
  draft.setCondition('DeletionBlocked', 'True', 'SharesExist', `serves on until its shares are deleted: ${names}`);
  if (draft.status.phase === 'deleting') draft.set({ ...ownPhase('active'), operation: undefined });
}

/** Whether shares are placed on the server now, as the API server has them. */
export async function hasShares({ operator, namespace, server }: ServerScope): Promise<boolean> {
  const listed = await listLive(operator, operator.informers.shares, {
    namespace,
    fieldSelector: `spec.shareNetworkName=${server.spec.shareNetworkName}`,
  });
  return listed.some((share) => share.status?.shareServerName === server.metadata.name);
}

/** Whether the server's backend is as the API server has it. */
export async function isBackendCurrent({ operator, server, backend }: ServerScope): Promise<boolean> {
  return await isCurrent(operator, operator.informers.storageBackends, { name: server.spec.backendName }, backend);
}

/** Takes the server off the storage system and lets the object go. Deletion is tried for ever; what is in the way is told. */
export async function tearDown(scope: ServerScope): Promise<ReconcileResult | undefined> {
  const { operator, context, server, draft, backend } = scope;
  const { client, informers } = operator;
  if (mayAbandon(server, backend)) {
    if (!(await isBackendCurrent(scope)) || (await hasShares(scope))) return staleCache;
    operator.recorder.event(server, {
      type: 'Warning',
      reason: 'Abandoned',
      action: 'TearDownShareServer',
      note: `forgotten without a tear-down; on backend ${server.spec.backendName} remains ${server.status?.identifier ?? 'nothing known'}`,
    });
    await removeFinalizer(client, informers.shareServers, server);
    return undefined;
  }
  const { retainedShares = [], identifier, operation, lastError } = server.status ?? {};
  if (retainedShares.length > 0) {
    draft.setCondition(
      'DeletionBlocked',
      'True',
      'RetainedShares',
      `holds retained shares and is never torn down: ${nameList(retainedShares)}`,
    );
    await draft.write(client, informers.shareServers);
    return undefined;
  }
  if (identifier === undefined && operation === undefined && lastError === undefined) {
    // No driver has ever heard of it.
    await removeFinalizer(client, informers.shareServers, server);
    return undefined;
  }
  if (operation?.token === undefined && (await hasShares(scope))) return { requeueAfterMs: 1000 };
  draft.set({
    ...ownPhase('deleting'),
    networkChange: undefined,
    operation:
      operation?.name === 'teardownServer'
        ? operation
        : { id: `teardown/${uidOf(server)}`, name: 'teardownServer', startedTime: timestamp(operator.clock) },
  });
  draft.setReadiness({ state: 'working', reason: 'Deleting', message: 'the share server is being torn down' });
  if (backend === undefined) {
    const { reason, message } = backendNotFound(server.spec.backendName);
    draft.setCondition('DeletionBlocked', 'True', reason, message);
    await draft.write(client, informers.shareServers);
    return undefined;
  }
  const suspended = callsSuspended(backend);
  if (suspended !== undefined) {
    draft.setCondition('DeletionBlocked', 'True', suspended.reason, suspended.message);
    await draft.write(client, informers.shareServers);
    return undefined;
  }
  const begun = await draft.write(client, informers.shareServers);
  const marked = { ...scope, server: begun, draft: draftOf(operator, begun) };
  return await context.outsideWorker(() =>
    reportingWaits(operator, informers.shareServers, begun, (waiting) => callTearDown(marked, waiting)),
  );
}

/** Whether what is torn down is the server that the API server has, on its network. */
async function isWhole({ operator, namespace, server, network }: ServerScope): Promise<boolean> {
  const { shareServers, shareNetworks } = operator.informers;
  const networkName = { namespace, name: server.spec.shareNetworkName };
  return (
    (await isCurrent(operator, shareServers, nameOf(server), server)) &&
    (network !== undefined || (await isCurrent(operator, shareNetworks, networkName, network)))
  );
}

async function callTearDown(
  scope: ServerScope,
  waiting: (wait: Finding | undefined) => void,
): Promise<ReconcileResult | undefined> {
  const { operator, context, server, namespace, network, timeouts } = scope;
  const { client, informers } = operator;
  // It may say meanwhile what it waits for.
  const draftNow = () => draftOf(operator, latestOf(informers.shareServers, server));
  const formers = () => (server.status?.securityServices ?? []).map((applied) => formerService(scope, applied));
  const use = {
    namespace,
    holder: `teardown/${uidOf(server)}`,
    required: [],
    optional: formers(),
    signal: context.signal,
    waitMs: timeouts.operation,
    waiting,
  };
  const held: CallLease[] = [];
  try {
    const result = await useCredentials(operator, use, async () => {
      const callScope = serverCallScope(scope, 'exclusive', { holdNetwork: false, priority: 'denial' });
      const lease = await operator.calls.acquire(callScope, context.signal, timeouts.operation, waiting);
      held.push(lease);
      // No share is made on it any more; one that was made before the lock was free may have been on its way at the first look.
      if (server.status?.operation?.token === undefined) {
        if (await hasShares(scope)) return undefined;
        if (!(await isWhole(scope))) return undefined;
      }
      // Without a password that was refused meanwhile.
      const services = formers();
      return await lease.call(
        {
          operation: 'teardownServer',
          id: server.status?.operation?.id ?? `teardown/${uidOf(server)}`,
          token: server.status?.operation?.token,
          timeoutMs: timeouts.operation,
          secrets: services.flatMap(({ secret }) => (secret === undefined ? [] : [secret])),
        },
        (driver, call) =>
          driver.teardownServer(
            {
              server: serverForDriver(operator, server, network),
              network: driverNetwork(server, network),
              securityServices: services.map((service) => service.driver),
            },
            call,
          ),
      );
    });
    if (result === undefined) return staleCache;
    noteWarnings(operator, server, draftNow(), result.warnings);
  } catch (thrown) {
    if (thrown instanceof InProgress) {
      const { operation } = server.status ?? {};
      const draft = draftNow();
      if (operation !== undefined) draft.set({ operation: { ...operation, token: thrown.token } });
      await draft.write(client, informers.shareServers);
      return { requeueAfterMs: thrown.pollAfter * 1000 };
    }
    if (thrown instanceof CallsSuspended) return { requeueAfterMs: suspendedPauseMs };
    if (!(thrown instanceof DriverError)) throw thrown;
    const error = asDriverError(thrown);
    if (error.kind !== 'NotFound') {
      const draft = draftNow();
      draft.setCondition('DeletionBlocked', 'True', toReason(error.reason), `${error.message}; it is tried again`);
      await draft.write(client, informers.shareServers);
      throw error;
    }
  } finally {
    for (const lease of held) lease.release();
  }
  await deleteBackendSecrets(operator, server);
  await removeFinalizer(client, informers.shareServers, latestOf(informers.shareServers, server));
  return undefined;
}
