import type { Finding } from '../../api/v1alpha1/finding.ts';
import { toReason } from '../../api/v1alpha1/reasons/reason.ts';
import type { Share } from '../../api/v1alpha1/share.ts';
import type { ResizeResult } from '../../drivers/driver.ts';
import { DriverError } from '../../drivers/errors.ts';
import { timestamp } from '../../runtime/clock.ts';
import { uidOf } from '../../runtime/kube-object.ts';
import { sizeProblem } from '../../scheduling/share-size.ts';
import { formatQuantity, parseQuantity } from '../../values/quantity.ts';
import { boundedExportLocations } from '../driver-calls/driver-data.ts';
import { driverShare } from '../driver-calls/driver-requests.ts';
import { serverOfShare } from '../driver-calls/server-for-driver.ts';
import { checkpoint } from '../reconcile/pass.ts';
import { done, type Step, stalled, stop, wait } from '../reconcile/step.ts';
import { isSizeRefused } from '../status/refused-size.ts';
import { callForShare, storeResult } from './driver-operation.ts';
import { type ShareScope, shareScope, whyNoCall } from './scope.ts';

/** A phase: extends or shrinks the share to the size of its spec. */
export async function resizeToSpec(scope: ShareScope): Promise<Step> {
  const { share } = scope;
  const { desired, present } = sizesOf(share);
  if (desired === undefined || desired === present || isSizeRefused(share)) return done;
  const finding = whyNoCall(scope) ?? whyRulesFirst(share);
  return finding === undefined ? await resize(scope, desired, present) : wait(finding);
}

/** A phase: shows why the share does not have the size of its spec, which is not tried again without a change or a request. */
export function showRefusedSize({ share }: ShareScope): Step {
  const { desired, present } = sizesOf(share);
  if (desired === present) return done;
  const { lastError } = share.status ?? {};
  // A size that can't be read comes from a time before it was validated.
  if (desired === undefined || lastError === undefined) return stop();
  return stalled({ reason: toReason(lastError.reason), message: lastError.message });
}

function sizesOf({ spec, status }: Share) {
  return { desired: parseQuantity(spec.size), present: parseQuantity(status?.size ?? spec.size) };
}

/** The record of work on the access rules must not be lost to another one. */
function whyRulesFirst({ status }: Share): Finding | undefined {
  if (status?.operation?.name !== 'updateAccess') return undefined;
  return { reason: 'OperationRunning', message: 'waits until the work on its access rules has ended' };
}

async function resize(scope: ShareScope, desired: number, present = 0): Promise<Step> {
  const { operator, share, draft, memory, timeoutMs } = scope;
  const isGrowing = desired > present;
  const name = isGrowing ? 'extendShare' : 'shrinkShare';
  const id = `resize/${uidOf(share)}/${share.metadata.generation}`;
  const running = share.status?.operation;
  draft.set({
    phase: isGrowing ? 'extending' : 'shrinking',
    operation: running?.id === id ? running : { id, name, startedTime: timestamp(operator.clock) },
  });
  const message = `the share is being ${isGrowing ? 'extended' : 'shrunk'}`;
  draft.setReadiness({ state: 'working', reason: 'Resizing', message });
  const stored = await checkpoint(scope, (pass) => shareScope(pass, memory));
  return await callForShare(stored, async (lease, fresh, { token }) => {
    const tooSmall = sizeProblem(fresh.share.spec.size);
    if (tooSmall !== undefined) throw new DriverError({ kind: 'Rejected', reason: 'InvalidSize', message: tooSmall });
    const result: ResizeResult = await lease.call({ operation: name, id, token, timeoutMs }, (driver, call) => {
      const request = { share: driverShare(fresh.share), newSize: desired, ...serverOfShare(operator, fresh) };
      return isGrowing ? driver.extendShare(request, call) : driver.shrinkShare(request, call);
    });
    const { exportLocations } = result;
    await storeResult(fresh, result, {
      size: formatQuantity(desired),
      ...(exportLocations === undefined ? {} : { exportLocations: boundedExportLocations(exportLocations) }),
    });
  });
}
