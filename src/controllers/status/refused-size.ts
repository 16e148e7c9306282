import type { Share } from '../../api/v1alpha1/share.ts';
import type { StatusDraft } from './status-draft.ts';

/** Whether the storage system refused the size of the present spec: it is not tried again before the spec changes or a user requests it. */
export function isSizeRefused({ metadata, status }: Share): boolean {
  const { operation, generation } = status?.lastError ?? {};
  return (operation === 'extendShare' || operation === 'shrinkShare') && generation === metadata.generation;
}

/** Forgets that the size was refused, in the write that stores the request for another attempt: neither is stored without the other. */
export function forgetRefusedSize(draft: StatusDraft<Share>): void {
  draft
    .set({ lastError: undefined })
    .setReadiness({ state: 'working', reason: 'Resizing', message: 'the size that was refused is tried again' });
}
