import type { Finding } from '../../api/v1alpha1/finding.ts';
import { toReason } from '../../api/v1alpha1/reasons/reason.ts';
import type { WarningsResult } from '../../drivers/driver.ts';
import { DriverError, InProgress } from '../../drivers/errors.ts';
import { uidOf } from '../../runtime/kube-object.ts';
import { useCredentials } from '../credentials/use-credentials.ts';
import { CallsSuspended, suspendedPauseMs } from '../driver-calls/backend-circuits.ts';
import { deleteBackendSecrets } from '../driver-calls/backend-secrets.ts';
import type { CallLease } from '../driver-calls/call-lease.ts';
import { driverNetwork } from '../driver-calls/driver-requests.ts';
import { serverForDriver } from '../driver-calls/server-for-driver.ts';
import { removeFinalizer } from '../lifecycle/finalizers.ts';
import { staleCache } from '../lifecycle/live.ts';
import { passOver, type Step } from '../reconcile/step.ts';
import { draftOf, latestOf } from '../status/status-draft.ts';
import { noteWarnings } from '../status/warnings.ts';
import { hasShares, isServerCurrent } from './live-state.ts';
import { type ServerDraft, type ServerScope, serverCallScope } from './scope.ts';
import { formerService, type PassedService } from './services.ts';

/** Calls the driver for a server whose status stores the teardown, and removes the finalizer after it. */
export async function callTeardown(scope: ServerScope, waiting: (wait: Finding | undefined) => void): Promise<Step> {
  const { operator, context, server, namespace, timeouts } = scope;
  const { shareServers } = operator.informers;
  const formerServices = () => (server.status?.securityServices ?? []).map((applied) => formerService(scope, applied));
  const use = {
    namespace,
    holder: `teardown/${uidOf(server)}`,
    required: [],
    optional: formerServices(),
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
      // With the lock no further share is created on the server; one created before may have been missed at the first look.
      const hasBegun = server.status?.operation?.token !== undefined;
      if (!hasBegun && ((await hasShares(scope)) || !(await isServerCurrent(scope)))) return undefined;
      // Without a password that was refused meanwhile.
      return await callDriver(scope, lease, formerServices());
    });
    if (result === undefined) return passOver(staleCache.requeueAfterMs);
    noteWarnings(operator, server, latestDraft(scope), result.warnings);
  } catch (thrown) {
    const requeueAfterMs = await handleFailure(scope, thrown);
    if (requeueAfterMs !== undefined) return passOver(requeueAfterMs);
  } finally {
    for (const lease of held) lease.release();
  }
  await deleteBackendSecrets(operator, server);
  await removeFinalizer(operator.client, shareServers, latestOf(shareServers, server));
  return passOver();
}

async function callDriver(
  { operator, server, network, timeouts }: ServerScope,
  lease: CallLease,
  services: readonly PassedService[],
): Promise<WarningsResult> {
  const { operation } = server.status ?? {};
  return await lease.call(
    {
      operation: 'teardownServer',
      id: operation?.id ?? `teardown/${uidOf(server)}`,
      token: operation?.token,
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
}

/** @returns milliseconds until the teardown is continued; undefined if the storage system does not have the server any more */
async function handleFailure(scope: ServerScope, thrown: unknown): Promise<number | undefined> {
  const { operator, server } = scope;
  const { client, informers } = operator;
  if (thrown instanceof InProgress) {
    const { operation } = server.status ?? {};
    const draft = latestDraft(scope);
    if (operation !== undefined) draft.set({ operation: { ...operation, token: thrown.token } });
    await draft.write(client, informers.shareServers);
    return thrown.pollAfter * 1000;
  }
  if (thrown instanceof CallsSuspended) return suspendedPauseMs;
  if (!(thrown instanceof DriverError)) throw thrown;
  if (thrown.kind === 'NotFound') return undefined;
  const draft = latestDraft(scope);
  draft.setCondition('DeletionBlocked', 'True', toReason(thrown.reason), `${thrown.message}; it is tried again`);
  await draft.write(client, informers.shareServers);
  throw thrown;
}

/** A draft on the version that may show meanwhile what the call waits for. */
function latestDraft({ operator, server }: ServerScope): ServerDraft {
  return draftOf(operator, latestOf(operator.informers.shareServers, server));
}
