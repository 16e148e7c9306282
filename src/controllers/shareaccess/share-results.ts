import { readyReason } from '../../access-rules/plan.ts';
import type { ShareAccess } from '../../api/v1alpha1/share-access.ts';
import type { ShareServer } from '../../api/v1alpha1/share-server.ts';
import { namespaceView } from '../../cluster-state/namespace-view.ts';
import { storageID } from '../../cluster-state/storage-id.ts';
import type { SecurityServiceUpdateResult } from '../../drivers/driver.ts';
import { nameOf, uidOf } from '../../runtime/kube-object.ts';
import { boundedExportLocations } from '../driver-calls/driver-data.ts';
import { isApplied } from '../driver-calls/shares-for-driver.ts';
import type { Operator } from '../operator.ts';
import { writeDriverResult } from '../status/driver-result.ts';
import { workOf } from '../status/refused-writes.ts';
import { draftOf } from '../status/status-draft.ts';
import { storeKey } from './key-secret.ts';
import { appliedReadiness, forRule, writeRule, writeRuleError } from './rule-status.ts';

/** Stores what an update of a share server returned for its shares and their rules. A rule being denied is not revived. */
export async function storeShareResults(
  operator: Operator,
  server: ShareServer,
  { exportLocations, accessUpdates }: SecurityServiceUpdateResult,
): Promise<void> {
  const { informers, client } = operator;
  const { sharesOn, rulesOf } = namespaceView(operator, server.metadata.namespace ?? '');
  for (const share of sharesOn(server.metadata.name)) {
    const locations = exportLocations?.get(storageID(share));
    if (locations !== undefined) {
      await writeDriverResult(operator, informers.shares, share, (fresh) => {
        const draft = draftOf(operator, fresh);
        return draft.set({ exportLocations: boundedExportLocations(locations) }).write(client, informers.shares);
      });
    }
    for (const [ruleID, { accessKey, state, reason }] of accessUpdates?.get(storageID(share)) ?? []) {
      const rule = rulesOf(share.metadata.name).find((candidate) => uidOf(candidate) === ruleID);
      if (rule === undefined || !isApplied(rule)) continue;
      if (accessKey !== undefined) {
        await forRule(operator, rule, () => storeKey(operator, rule, accessKey), {
          work: workOf('shareserver', nameOf(server)),
        });
      }
      if (state === 'error') await writeRuleError(operator, rule, 'AccessRejected', reason ?? 'refused by the backend');
      else if (readyReason(rule) === 'AccessRejected') await writeGranted(operator, rule);
    }
  }
}

/** A rule that an update before had refused, for a user of the other directory, is granted again. */
async function writeGranted(operator: Operator, rule: ShareAccess): Promise<void> {
  const { accessLevel = 'rw' } = rule.spec;
  await writeRule(operator, rule, (draft, fresh) => {
    if (fresh.metadata.deletionTimestamp !== undefined || fresh.status?.accessLevel !== accessLevel) return;
    draft.set({ phase: 'active' });
    draft.setReadiness(appliedReadiness);
    // A spec that changed meanwhile has not been applied.
    draft.set({ observedGeneration: rule.metadata.generation });
  });
}
