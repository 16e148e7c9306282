import type { ShareAccess } from '../../api/v1alpha1/share-access.ts';
import type { ShareServer } from '../../api/v1alpha1/share-server.ts';
import { namespaceView } from '../../cluster-state/namespace-view.ts';
import { storageID } from '../../cluster-state/storage-id.ts';
import type { AccessUpdate, SecurityServiceUpdateResult } from '../../drivers/driver.ts';
import { nameOf, uidOf } from '../../runtime/kube-object.ts';
import { isApplied } from '../driver-calls/shares-for-driver.ts';
import type { Operator } from '../operator.ts';
import { workOf } from '../status/refused-writes.ts';
import { storeKey } from './key-secret.ts';
import { reportingOnRule, writeFailed, writeStillGranted } from './rule-status.ts';
import { writeExportLocations } from './share-status.ts';

/** Stores what an update of a share server returned for its shares and their rules. Rules that are being denied stay so. */
export async function storeShareResults(
  operator: Operator,
  server: ShareServer,
  { exportLocations, accessUpdates }: SecurityServiceUpdateResult,
): Promise<void> {
  const { sharesOn, rulesOf } = namespaceView(operator, server.metadata.namespace ?? '');
  for (const share of sharesOn(server.metadata.name)) {
    const locations = exportLocations?.get(storageID(share));
    if (locations !== undefined) await writeExportLocations(operator, share, locations);
    for (const [ruleID, update] of accessUpdates?.get(storageID(share)) ?? []) {
      const rule = rulesOf(share.metadata.name).find((candidate) => uidOf(candidate) === ruleID);
      if (rule !== undefined && isApplied(rule)) await storeRuleResult(operator, server, rule, update);
    }
  }
}

async function storeRuleResult(
  operator: Operator,
  server: ShareServer,
  rule: ShareAccess,
  { accessKey, state, reason }: AccessUpdate,
): Promise<void> {
  if (accessKey !== undefined) {
    const work = workOf('shareserver', nameOf(server));
    const changes = { accessKeyOutdated: true };
    await reportingOnRule(operator, rule, () => storeKey(operator, rule, accessKey), { work, changes });
  }
  if (state === 'error') {
    const finding = { reason: 'AccessRejected', message: reason ?? 'the backend rejected the rule' } as const;
    // A request to reconcile the rule stays unhandled.
    const { lastHandledReconcileAt } = rule.status ?? {};
    await writeFailed(operator, rule, 'Rejected', finding, { lastHandledReconcileAt });
  } else if (rule.status?.failure === 'Rejected') {
    // A former update rejected it, for a user of the other directory.
    await writeStillGranted(operator, rule);
  }
}
