import { mayBeGranted } from '../../access-rules/plan.ts';
import type { ShareAccess } from '../../api/v1alpha1/share-access.ts';
import { namespaceView } from '../../cluster-state/namespace-view.ts';
import { isPaused } from '../../cluster-state/requests.ts';
import type { ReconcileResult } from '../../runtime/controller.ts';
import type { ObjectName } from '../../runtime/kube-object.ts';
import { oneByOne } from '../../runtime/one-by-one.ts';
import { isCurrent, staleCache } from '../lifecycle/live.ts';
import type { Operator } from '../operator.ts';
import { removeRule } from './removal.ts';
import { writeShareMissing } from './rule-status.ts';

/** The rules of a share that does not exist wait for one of that name; deleted ones are removed. */
export async function reconcileWithoutShare(
  operator: Operator,
  shareName: ObjectName,
): Promise<ReconcileResult | undefined> {
  const { namespace = '', name } = shareName;
  const rules = namespaceView(operator, namespace)
    .rulesOf(name)
    .filter((rule) => !isPaused(rule));
  const { shares } = operator.informers;
  if (rules.some(mayBeGranted) && !(await isCurrent(operator, shares, shareName, undefined))) return staleCache;
  await oneByOne(rules, async (rule) => {
    if (mayBeGranted(rule)) {
      if (rule.status?.accessLevel !== undefined) warnOfRemainingAccess(operator, rule);
      await removeRule(operator, rule);
    } else if (rule.metadata.deletionTimestamp === undefined) {
      await writeShareMissing(operator, rule);
    }
  });
  return undefined;
}

/** The Share was removed by force, or abandoned: its backend is no longer known, so that no driver can be called. */
function warnOfRemainingAccess(operator: Operator, rule: ShareAccess): void {
  const { shareName, accessType, accessTo } = rule.spec;
  const note = `share ${shareName} was removed before the access of ${accessType} ${accessTo} was revoked; it may remain on the storage system`;
  operator.recorder.event(rule, { type: 'Warning', reason: 'AccessMayRemain', action: 'DenyAccess', note });
}
