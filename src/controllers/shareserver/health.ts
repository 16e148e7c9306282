import { isReady } from '../../api/v1alpha1/conditions.ts';
import * as labels from '../../api/v1alpha1/labels.ts';
import type { ServerHealth } from '../../drivers/driver.ts';
import { DriverError } from '../../drivers/errors.ts';
import { uidOf } from '../../runtime/kube-object.ts';
import { safeText } from '../../values/safe-text.ts';
import { credentialsRefused } from '../credentials/refusals.ts';
import { driverNetwork } from '../driver-calls/driver-requests.ts';
import { serverForDriver } from '../driver-calls/server-for-driver.ts';
import { done, requeueAfter, type Step, stalled, wait } from '../reconcile/step.ts';
import { ownPhase } from '../status/status-draft.ts';
import { noteWarnings } from '../status/warnings.ts';
import { type ServerDraft, type ServerScope, serverCallScope, storedError } from './scope.ts';

/**
 * A phase: asks the driver how an active server is when that is due. The answer changes no phase: a storage system that misses a server
 * for a moment must not affect the access rules of its shares.
 */
export async function checkHealthWhenDue(scope: ServerScope): Promise<Step> {
  const { operator, server, draft, backend, memory } = scope;
  // Each check might be one more refused log-in: a person has to change something, or request a check.
  if (draft.status.unhealthy?.credentialsRefused === true) return done;
  const leftMs = memory.healthSchedule.leftMs(scope);
  if (leftMs > 0) return requeueAfter(leftMs);
  // A disabled backend is asked as well: the check changes nothing.
  if (backend !== undefined && isReady(backend)) {
    try {
      const health = await askHealth(scope, `look/${uidOf(server)}/${operator.clock.now()}`);
      if (health?.exists === false) {
        const message = `the storage system does not have the share server at present; set ${labels.reconcileRequestedAt} to check again and record the result`;
        draft.set({ unhealthy: { message } });
      } else noteHealth(draft, health);
    } catch (thrown) {
      // Another running call, or no answer in time, says nothing about the server; the log has the failed call.
      if (!(thrown instanceof DriverError)) throw thrown;
    }
  }
  return requeueAfter(memory.healthSchedule.checked(scope) - operator.clock.now());
}

/** A phase: shows what the storage system reported of an active server. */
export function showHealth({ draft }: ServerScope): Step {
  const { unhealthy } = draft.status;
  if (unhealthy === undefined) return done;
  const { message, credentialsRefused: needsCorrection } = unhealthy;
  return needsCorrection === true
    ? stalled({ reason: credentialsRefused, message })
    : wait({ reason: 'ShareServerUnhealthy', message });
}

/**
 * Asks the driver how the server is, on request or because a driver did not find it, and stores the answer in the draft. A server that
 * the storage system has lost is an error; it is never replaced silently.
 * @throws DriverError `Unavailable`
 */
export async function examine(scope: ServerScope, token: string | undefined): Promise<void> {
  const { operator, server, draft } = scope;
  try {
    const health = await askHealth(scope, `ensure/${uidOf(server)}/${token ?? operator.clock.now()}`);
    if (health?.exists === false) {
      const error = new DriverError({
        kind: 'NotFound',
        reason: 'ShareServerLost',
        message: 'the storage system does not have the share server any more',
      });
      draft.set({ ...ownPhase('error'), lastError: storedError(operator, 'ensureServer', error) });
    } else noteHealth(draft, health);
  } catch (thrown) {
    if (!(thrown instanceof DriverError)) throw thrown;
    if (thrown.kind === 'Unavailable') {
      if (token === undefined) operator.suspects.add(server);
      throw thrown;
    }
    draft.set({ unhealthy: { message: safeText(thrown.message) } });
  }
  if (token !== undefined) draft.set({ lastHandledReconcileAt: token });
}

/** @returns undefined if the driver does not report health @throws DriverError */
async function askHealth(scope: ServerScope, id: string): Promise<ServerHealth | undefined> {
  const { operator, context, server, network, draft, timeouts } = scope;
  const health = await context.outsideWorker(async () => {
    const callScope = serverCallScope(scope, 'shared', { holdNetwork: true });
    const lease = await operator.calls.acquire(callScope, context.signal, timeouts.operation);
    try {
      return await lease.call(
        { operation: 'ensureServer', id, timeoutMs: timeouts.operation },
        async (driver, call) =>
          await driver.ensureServer?.(
            { server: serverForDriver(operator, server, network), network: driverNetwork(server, network) },
            call,
          ),
      );
    } finally {
      lease.release();
    }
  });
  noteWarnings(operator, server, draft, health?.warnings);
  if (health !== undefined) operator.metrics.examined(server, health);
  return health;
}

/** Stores what a driver reported of a server that exists. */
function noteHealth(draft: ServerDraft, health: ServerHealth | undefined): void {
  if (health?.healthy !== false) {
    draft.set({ unhealthy: undefined });
    return;
  }
  const message = safeText(health.reason ?? 'the storage system reports that the share server is not healthy');
  draft.set({ unhealthy: { message, ...(health.credentialsRefused === true ? { credentialsRefused: true } : {}) } });
}
