import type { ShareAccess, ShareAccessStatus } from '../../api/v1alpha1/share-access.ts';
import { writeDriverResult } from '../driver-result.ts';
import type { Operator } from '../operator.ts';
import { StatusDraft } from '../status-draft.ts';

export type RuleDraft = StatusDraft<ShareAccessStatus, ShareAccess>;

/** A draft of a rule's status. */
export function ruleDraft(operator: Operator, rule: ShareAccess): RuleDraft {
  return new StatusDraft<ShareAccessStatus, ShareAccess>(rule, new Date(operator.clock.now()));
}

/** Works out and writes the status of a rule; on a conflict again on the fresh rule. */
export async function writeRule(
  operator: Operator,
  rule: ShareAccess,
  change: (draft: RuleDraft, fresh: ShareAccess) => void,
): Promise<ShareAccess> {
  const written = await writeDriverResult(operator, operator.informers.shareAccesses, rule, (fresh) => {
    const draft = ruleDraft(operator, fresh);
    change(draft, fresh);
    return draft.write(operator.client, operator.informers.shareAccesses);
  });
  return written ?? rule;
}

/** Puts a rule in error. */
export async function writeRuleError(
  operator: Operator,
  rule: ShareAccess,
  reason: string,
  message: string,
  handledToken?: string,
): Promise<ShareAccess> {
  return await writeRule(operator, rule, (draft) => {
    draft.set({ phase: 'error', ...(handledToken === undefined ? {} : { lastHandledReconcileAt: handledToken }) });
    draft.stand({ state: 'stalled', reason, message });
  });
}
