import type { ExportLocation, Share, ShareStatus } from '../../api/v1alpha1/share.ts';
import { namespaceView } from '../../cluster-state/namespace-view.ts';
import { uidOf } from '../../runtime/kube-object.ts';
import { boundedExportLocations } from '../driver-calls/driver-data.ts';
import { isRestored, noteCompared } from '../lifecycle/restored.ts';
import type { Operator } from '../operator.ts';
import { writeDriverResult } from '../status/driver-result.ts';
import { forgetRefusedSize, isSizeRefused } from '../status/refused-size.ts';
import { draftOf, type StatusDraft } from '../status/status-draft.ts';
import type { AccessScope } from './scope.ts';

/** What the controller of access rules writes on Shares. */

/** Writes the summary of the rules on their share. */
export async function writeAccessSummary({ operator, context, memory }: AccessScope): Promise<void> {
  const share = operator.informers.shares.cache.get(context.key);
  if (share === undefined || uidOf(share) !== memory.shareUID) return;
  if (share.status?.identifier === undefined || share.metadata.deletionTimestamp !== undefined) return;
  const rules = namespaceView(operator, share.metadata.namespace ?? '').rulesOf(share.metadata.name);
  // Nothing was written on a rule yet whose wait has been short so far.
  const observed = rules.filter(({ status }) => (status?.observedGeneration ?? -1) !== -1);
  const phases = new Set(observed.map(({ status }) => status?.phase ?? 'queued_to_apply'));
  const isSyncing = [...phases].some((phase) => phase !== 'active' && phase !== 'error');
  const accessRulesStatus = phases.has('error') ? 'error' : isSyncing ? 'syncing' : 'active';
  if (accessRulesStatus === share.status.accessRulesStatus) return;
  await write(operator, share, (draft) => draft.set({ accessRulesStatus }));
}

/** A driver call for the rules takes long. Best effort: the end of the pass writes the summary. */
export async function showSyncing({ operator, context }: AccessScope): Promise<void> {
  const { client, informers } = operator;
  const share = informers.shares.cache.get(context.key);
  if (share === undefined || share.metadata.deletionTimestamp !== undefined) return;
  const draft = draftOf(operator, share).set({ accessRulesStatus: 'syncing' });
  await draft.write(client, informers.shares).catch(() => undefined);
}

/** Records or forgets an operation on the access rules; another operation of the share is left alone. */
export async function writeAccessOperation(
  { operator, context, memory }: AccessScope,
  operation: ShareStatus['operation'],
): Promise<void> {
  const share = operator.informers.shares.cache.get(context.key);
  if (share === undefined || uidOf(share) !== memory.shareUID) return;
  await write(operator, share, (draft, { status }) => {
    const present = status?.operation;
    const isOther = present === undefined ? operation === undefined : present.name !== 'updateAccess';
    return isOther ? undefined : draft.set({ operation });
  });
}

/** The share was examined, and its rules were recovered where needed. */
export async function writeExamined(operator: Operator, share: Share, token: string | undefined): Promise<void> {
  const { shares } = operator.informers;
  if (isRestored(share)) {
    await writeDriverResult(operator, shares, share, (fresh) =>
      isRestored(fresh) ? noteCompared(operator, shares, fresh) : undefined,
    );
  }
  if (token === undefined) return;
  await write(operator, share, (draft, fresh) => {
    draft.set({ lastHandledReconcileAt: token });
    if (isSizeRefused(fresh)) forgetRefusedSize(draft);
    return draft;
  });
}

/** An update of the share server moved the share. */
export async function writeExportLocations(
  operator: Operator,
  share: Share,
  locations: readonly ExportLocation[],
): Promise<void> {
  await write(operator, share, (draft) => draft.set({ exportLocations: boundedExportLocations(locations) }));
}

/** @param change returns undefined where nothing is to be written */
async function write(
  operator: Operator,
  share: Share,
  change: (draft: StatusDraft<Share>, fresh: Share) => StatusDraft<Share> | undefined,
): Promise<void> {
  const { client, informers } = operator;
  await writeDriverResult(operator, informers.shares, share, (fresh) =>
    change(draftOf(operator, fresh), fresh)?.write(client, informers.shares),
  );
}
