import type { ShareAccess } from '../../api/v1alpha1/share-access.ts';
import { removeFinalizer } from '../finalizers.ts';
import type { Operator } from '../operator.ts';
import { deleteKey } from './key-secret.ts';
import { writeRule } from './rule-status.ts';

/**
 * What follows when the backend has a rule no more: its Secret goes, then the finalizer. A rule that is not deleted itself
 * waits for a share of that name to return.
 */
export async function release(operator: Operator, rule: ShareAccess): Promise<void> {
  const { client, informers } = operator;
  await deleteKey(operator, rule);
  if (rule.metadata.deletionTimestamp === undefined) {
    const waiting = await standWithoutShare(operator, rule);
    await removeFinalizer(client, informers.shareAccesses, waiting);
    return;
  }
  await removeFinalizer(client, informers.shareAccesses, rule);
}

/** A rule whose share does not exist. */
export async function standWithoutShare(operator: Operator, rule: ShareAccess): Promise<ShareAccess> {
  return await writeRule(operator, rule, (draft) => {
    draft.set({ phase: 'queued_to_apply', accessLevel: undefined, accessKeySecretRef: undefined });
    draft.stand({
      state: 'working',
      reason: 'ShareNotFound',
      message: `waits for share ${rule.spec.shareName} to exist`,
    });
  });
}
