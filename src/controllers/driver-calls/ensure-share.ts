import * as labels from '../../api/v1alpha1/labels.ts';
import { toReason } from '../../api/v1alpha1/reasons/reason.ts';
import type { Share } from '../../api/v1alpha1/share.ts';
import type { ShareHealth } from '../../drivers/driver.ts';
import { uidOf } from '../../runtime/kube-object.ts';
import { formatQuantity } from '../../values/quantity.ts';
import type { Operator } from '../operator.ts';
import { writeDriverResult } from '../status/driver-result.ts';
import type { PlacedShare } from '../status/findings.ts';
import type { Readiness } from '../status/readiness.ts';
import { shareAvailable } from '../status/readiness.ts';
import { draftOf } from '../status/status-draft.ts';
import { noteWarnings } from '../status/warnings.ts';
import type { DriverCaller } from './call-lease.ts';
import type { DriverAccess } from './driver-access.ts';
import { boundedExportLocations } from './driver-data.ts';
import { driverShare, timeoutsOf } from './driver-requests.ts';
import { finalFailure } from './final-failure.ts';
import { serverOfShare } from './server-for-driver.ts';

/** Readiness of a share that the storage system no longer has. */
export const shareLost: Readiness = {
  state: 'stalled',
  reason: 'ShareLost',
  message: `the storage system no longer has the share; delete the Share, or restore its data and set the annotation ${labels.reconcileRequestedAt}`,
};

const lost: Pick<ShareHealth, 'exists'> = { exists: false };

/**
 * Asks the driver whether the share still exists and where it is. A share that is lost is an error and never recreated silently;
 * one that exists again is available again.
 * @throws DriverError `Unavailable`
 */
export async function ensureShare(
  operator: Operator & Pick<DriverAccess, 'suspects'>,
  scope: PlacedShare,
  caller: DriverCaller,
): Promise<{ readonly exists: boolean; readonly reapplyAccess: boolean }> {
  const { share } = scope;
  const health = await healthOf(operator, scope, caller);
  if (health === undefined) return { exists: share.status?.phase !== 'error', reapplyAccess: false };
  const { informers, client } = operator;
  await writeDriverResult(operator, informers.shares, share, (fresh) => {
    // Its deletion asks the driver itself.
    if (fresh.metadata.deletionTimestamp !== undefined) return undefined;
    const draft = draftOf(operator, fresh);
    if ('size' in health) {
      noteWarnings(operator, fresh, draft, health.warnings);
      draft.set({ exportLocations: boundedExportLocations(health.exportLocations), size: formatQuantity(health.size) });
      if (isLost(fresh)) {
        draft.set({ phase: 'available' });
        draft.setReadiness(shareAvailable);
      }
    } else {
      draft.set({ phase: 'error', ...(isWork(fresh) ? { operation: undefined } : {}) });
      draft.setReadiness(shareLost);
    }
    return draft.write(client, informers.shares);
  });
  if (!health.exists) operator.suspects.add(scope.server);
  return { exists: health.exists, reapplyAccess: 'size' in health && health.reapplyAccess === true };
}

/** What the driver reports; undefined where it does not, or can't. */
async function healthOf(
  operator: Operator,
  { share, server, network, backend }: PlacedShare,
  caller: DriverCaller,
): Promise<ShareHealth | typeof lost | undefined> {
  try {
    const health = await caller.call(
      { operation: 'ensureShare', id: `ensure/${uidOf(share)}`, timeoutMs: timeoutsOf(backend).operation },
      async (driver, context) =>
        await driver.ensureShare?.(
          {
            share: driverShare(share),
            ...serverOfShare(operator, { server, network }),
          },
          context,
        ),
    );
    return health?.exists === false ? lost : health;
  } catch (thrown) {
    const error = finalFailure(thrown);
    if (error.kind === 'NotFound') return lost;
    operator.recorder.event(share, {
      type: 'Warning',
      reason: toReason(error.reason),
      action: 'EnsureShare',
      note: error.message,
    });
    return undefined;
  }
}

/** Whether the operation is about a share that existed. */
function isWork({ status }: Share): boolean {
  return ['extendShare', 'shrinkShare', 'updateAccess'].includes(status?.operation?.name ?? '');
}

/** Whether the storage system did not have the share when it was last asked. A share that could not be created keeps that operation. */
export function isLost({ status }: Share): boolean {
  return status?.phase === 'error' && status.operation?.name !== 'createShare';
}
