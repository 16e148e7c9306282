import { asDriverError, DriverError } from '../../drivers/errors.ts';
import { uidOf } from '../../runtime/kube-object.ts';
import { readBackendSecrets } from '../backend-secrets.ts';
import { driverNetwork, driverServer } from '../driver-requests.ts';
import { noteWarnings } from '../warnings.ts';
import { type ServerScope, serverCallScope, storedError } from './scope.ts';

/** Asks the driver how the server is; done on request. A server that is gone is an error, never silently made anew. */
export async function examine(scope: ServerScope, token: string): Promise<void> {
  const { operator, context, server, network, draft, timeouts } = scope;
  try {
    const health = await context.outsideWorker(async () => {
      const permit = await operator.calls.permit(
        serverCallScope(scope, 'shared', { holdNetwork: true }),
        context.signal,
        timeouts.operation,
      );
      try {
        return await permit.call(
          { operation: 'ensureServer', id: `ensure/${uidOf(server)}/${token}`, timeoutMs: timeouts.operation },
          async (driver, call) =>
            await driver.ensureServer?.(
              {
                server: driverServer(server, network, readBackendSecrets(operator, server)),
                network: driverNetwork(server, network),
              },
              call,
            ),
        );
      } finally {
        permit.release();
      }
    });
    noteWarnings(operator, server, draft, health?.warnings);
    if (health?.exists === false) {
      const error = new DriverError({
        kind: 'NotFound',
        reason: 'ShareServerLost',
        message: 'the storage system does not have the share server any more',
      });
      draft.set({
        phase: 'error',
        recordedPhase: 'error',
        lastError: storedError(operator, 'ensureServer', error),
      });
      draft.stand({ state: 'stalled', reason: error.reason, message: error.message });
    } else if (health?.healthy === false) {
      const message = health.reason ?? 'the storage system says that the share server is not healthy';
      draft.stand({ state: 'working', reason: 'ShareServerUnhealthy', message });
    } else {
      draft.stand({ state: 'ready', reason: 'Available', message: 'the share server serves' });
    }
    draft.set({ lastHandledReconcileAt: token });
  } catch (thrown) {
    if (!(thrown instanceof DriverError)) throw thrown;
    const error = asDriverError(thrown);
    draft.stand({ state: 'working', reason: 'ShareServerUnhealthy', message: error.message });
    if (error.kind !== 'Unavailable') draft.set({ lastHandledReconcileAt: token });
    else throw error;
  }
}
