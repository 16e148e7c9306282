import { isReady } from '../../api/v1alpha1/conditions.ts';
import * as labels from '../../api/v1alpha1/labels.ts';
import { toReason } from '../../api/v1alpha1/reasons/reason.ts';
import type { ServerHealth } from '../../drivers/driver.ts';
import { asDriverError, DriverError } from '../../drivers/errors.ts';
import type { ReconcileResult } from '../../runtime/controller.ts';
import { uidOf } from '../../runtime/kube-object.ts';
import { safeText } from '../../values/safe-text.ts';
import { credentialsRefused } from '../credentials/refusals.ts';
import { driverNetwork } from '../driver-calls/driver-requests.ts';
import { serverForDriver } from '../driver-calls/server-for-driver.ts';
import { serverAvailable } from '../status/readiness.ts';
import { ownPhase } from '../status/status-draft.ts';
import { noteWarnings } from '../status/warnings.ts';
import { type ServerDraft, type ServerScope, serverCallScope, storedError } from './scope.ts';

/** Says how an active server is, as far as the storage system reported it. */
export function standAsReported(draft: ServerDraft): void {
  const { unhealthy } = draft.status;
  if (unhealthy === undefined) draft.setReadiness(serverAvailable);
  else if (unhealthy.credentialsRefused === true) {
    draft.setReadiness({ state: 'stalled', reason: credentialsRefused, message: unhealthy.message });
  } else {
    draft.setReadiness({ state: 'working', reason: 'ShareServerUnhealthy', message: unhealthy.message });
  }
}

const lookMs = 10 * 60_000;
const lookAtUnhealthyMs = 60_000;

/** When each share server is looked at next without anybody asking. */
export class HealthLooks {
  /** Milliseconds since the Unix epoch, by UID. */
  readonly #next = new Map<string, number>();

  /** Forgets a server that is gone. */
  forget(uid: string): void {
    this.#next.delete(uid);
  }

  /**
   * Asks the driver how an active server is when that is due: every 5 to 10 minutes, every 30 to 60 s while it is not well. What is found
   * changes no phase: a storage system that forgets a server for a moment must not take the access rules of its shares with it.
   */
  async look(scope: ServerScope): Promise<ReconcileResult | undefined> {
    const { operator, server, draft, backend } = scope;
    // Each look might be one more refused log-in: somebody has to change something, or ask.
    if (draft.status.unhealthy?.credentialsRefused === true) return undefined;
    const uid = uidOf(server);
    const now = operator.clock.now();
    const due = this.#next.get(uid) ?? now + this.#pause(scope);
    this.#next.set(uid, due);
    if (now < due) return { requeueAfterMs: due - now };
    // One that is switched off answers all the same: a look changes nothing.
    if (backend !== undefined && isReady(backend)) {
      try {
        const health = await ask(scope, `look/${uid}/${now}`);
        if (health?.exists === false) {
          const message = `the storage system does not have the share server at present; ${labels.reconcileRequestedAt} has it looked at for good`;
          draft.set({ unhealthy: { message } });
        } else noteHealth(draft, health);
        standAsReported(draft);
      } catch (thrown) {
        if (!(thrown instanceof DriverError)) throw thrown;
        // Another call that runs, or no answer in time, says nothing about the server; the failed call is in the log.
      }
    }
    const pause = this.#pause(scope);
    this.#next.set(uid, operator.clock.now() + pause);
    return { requeueAfterMs: pause };
  }

  #pause({ operator, draft }: ServerScope): number {
    return Math.round(
      (draft.status.unhealthy !== undefined ? lookAtUnhealthyMs : lookMs) * (0.5 + 0.5 * operator.random()),
    );
  }
}

/** Asks the driver how the server is; done on request, and where a driver did not find it. A server that is gone is an error, never silently made anew. */
export async function examine(scope: ServerScope, token: string | undefined): Promise<void> {
  const { operator, server, draft } = scope;
  const handled = token === undefined ? {} : { lastHandledReconcileAt: token };
  try {
    const health = await ask(scope, `ensure/${uidOf(server)}/${token ?? operator.clock.now()}`);
    if (health?.exists === false) {
      const error = new DriverError({
        kind: 'NotFound',
        reason: 'ShareServerLost',
        message: 'the storage system does not have the share server any more',
      });
      draft.set({
        ...ownPhase('error'),
        lastError: storedError(operator, 'ensureServer', error),
      });
      draft.setReadiness({ state: 'stalled', reason: toReason(error.reason), message: error.message });
    } else noteHealth(draft, health);
    draft.set(handled);
  } catch (thrown) {
    if (!(thrown instanceof DriverError)) throw thrown;
    const error = asDriverError(thrown);
    draft.set({ unhealthy: { message: safeText(error.message) } });
    if (error.kind !== 'Unavailable') draft.set(handled);
    else {
      if (token === undefined) operator.suspects.add(server);
      throw error;
    }
  }
}

/** @returns undefined where the driver can't tell @throws DriverError */
async function ask(scope: ServerScope, id: string): Promise<ServerHealth | undefined> {
  const { operator, context, server, network, draft, timeouts } = scope;
  const health = await context.outsideWorker(async () => {
    const lease = await operator.calls.acquire(
      serverCallScope(scope, 'shared', { holdNetwork: true }),
      context.signal,
      timeouts.operation,
    );
    try {
      return await lease.call(
        { operation: 'ensureServer', id, timeoutMs: timeouts.operation },
        async (driver, call) =>
          await driver.ensureServer?.(
            {
              server: serverForDriver(operator, server, network),
              network: driverNetwork(server, network),
            },
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

function noteHealth(draft: ServerDraft, health: ServerHealth | undefined): void {
  if (health?.healthy !== false) {
    draft.set({ unhealthy: undefined });
    return;
  }
  const message = safeText(health.reason ?? 'the storage system says that the share server is not healthy');
  draft.set({ unhealthy: { message, ...(health.credentialsRefused === true ? { credentialsRefused: true } : {}) } });
}
