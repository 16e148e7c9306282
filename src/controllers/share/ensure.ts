import { formatQuantity } from '../../api/quantity.ts';
import type { Share, ShareStatus } from '../../api/v1alpha1/share.ts';
import { readBackendSecrets } from '../backend-secrets.ts';
import type { Permit } from '../driver-calls/driver-calls.ts';
import { driverServer, driverShare, timeoutsOf, uidOf } from '../driver-requests.ts';
import { writeDriverResult } from '../driver-result.ts';
import type { Operator } from '../operator.ts';
import type { AccessScope } from '../shareaccess/scope.ts';
import { StatusDraft } from '../status-draft.ts';
import { noteWarnings } from '../warnings.ts';

/**
 * Asks the driver whether the share is still there and where it is. A share that is gone is an error, never silently made anew.
 * @returns whether it is there
 */
export async function ensureShare(
  operator: Operator,
  { share, server, network, backend }: AccessScope,
  permit: Permit,
): Promise<boolean> {
  const health = await permit.call(
    { operation: 'ensureShare', id: `ensure/${uidOf(share)}`, timeoutMs: timeoutsOf(backend).operation },
    async (driver, context) =>
      await driver.ensureShare?.(
        {
          share: driverShare(share),
          ...(server === undefined
            ? {}
            : { server: driverServer(server, network, readBackendSecrets(operator, server)) }),
        },
        context,
      ),
  );
  if (health === undefined) return true;
  const { informers, client, clock } = operator;
  await writeDriverResult(operator, informers.shares, share, (fresh) => {
    const draft = new StatusDraft<ShareStatus, Share>(fresh, new Date(clock.now()));
    noteWarnings(operator, fresh, draft, health.warnings);
    if (health.exists) {
      draft.set({ exportLocations: health.exportLocations, size: formatQuantity(health.size) });
    } else {
      draft.set({ phase: 'error' });
      draft.stand({
        state: 'stalled',
        reason: 'ShareLost',
        message:
          'the storage system does not have the share any more; delete the Share, or restore its data and ask again',
      });
    }
    return draft.write(client, informers.shares);
  });
  return health.exists;
}
