import type { Reason } from '../../api/v1alpha1/reasons/reason.ts';
import type { ShareAccess } from '../../api/v1alpha1/share-access.ts';
import { RefusedWrite } from '../../runtime/api-error.ts';
import type { Operator } from '../operator.ts';
import { writeDriverResult } from '../status/driver-result.ts';
import { reportRefusal, workOf } from '../status/refused-writes.ts';
import { draftOf, type Readiness, type StatusDraft } from '../status/status-draft.ts';

/** How a rule stands that the backend grants. */
export const appliedReadiness: Readiness = {
  state: 'ready',
  reason: 'Applied',
  message: 'the backend grants the access',
};

export type RuleDraft = StatusDraft<ShareAccess>;

/** Names the work on the rules of the rule's share. */
export function workOn({ metadata, spec }: ShareAccess): string {
  return workOf('shareaccess', { namespace: metadata.namespace ?? '', name: spec.shareName });
}

/**
 * Does a part of the work on a rule that writes; a write that the API server refuses is shown on the rule.
 * @param options `work`: what is repeated when a write is refused, whose object shows it, too; that on the share's rules when absent
 * @throws RefusedWrite
 */
export async function forRule<R>(
  operator: Operator,
  rule: ShareAccess,
  write: () => Promise<R>,
  options: Parameters<typeof reportRefusal<ShareAccess>>[5] & { readonly work?: string } = {},
): Promise<R> {
  try {
    return await write();
  } catch (error) {
    if (error instanceof RefusedWrite && !operator.refusedWrites.isTold(error)) {
      const { work, ...rest } = options;
      await reportRefusal(operator, operator.informers.shareAccesses, rule, error, work ?? workOn(rule), rest);
      if (work === undefined) operator.refusedWrites.told(error);
    }
    throw error;
  }
}

/** Works out and writes the status of a rule; on a conflict again on the fresh rule. */
export async function writeRule(
  operator: Operator,
  rule: ShareAccess,
  change: (draft: RuleDraft, fresh: ShareAccess) => void,
): Promise<ShareAccess> {
  const written = await forRule(operator, rule, () =>
    writeDriverResult(operator, operator.informers.shareAccesses, rule, (fresh) => {
      const draft = draftOf(operator, fresh);
      change(draft, fresh);
      return draft.write(operator.client, operator.informers.shareAccesses);
    }),
  );
  return written ?? rule;
}

/**
 * Puts a rule in error.
 * @param changes of further fields
 */
export async function writeRuleError(
  operator: Operator,
  rule: ShareAccess,
  reason: Reason,
  message: string,
  changes: Parameters<RuleDraft['set']>[0] = {},
): Promise<ShareAccess> {
  return await writeRule(operator, rule, (draft, fresh) => {
    // On its way out it is denied, whatever came of it.
    if (fresh.metadata.deletionTimestamp !== undefined) return;
    draft.set({ phase: 'error', ...changes });
    draft.setReadiness({ state: 'stalled', reason, message });
    // A spec that changed meanwhile was not judged.
    draft.set({ observedGeneration: rule.metadata.generation });
  });
}
