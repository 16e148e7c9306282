import { findCondition } from '../../api/v1alpha1/conditions.ts';
import type { Share } from '../../api/v1alpha1/share.ts';
import { parseQuantity } from '../../values/quantity.ts';
import { writeRefused } from './refused-writes.ts';
import type { Readiness } from './status-draft.ts';

/** Whether the size that is wished was refused already: it rests until the spec changes or somebody asks. */
export function isSizeRefused({ metadata, spec, status }: Share): boolean {
  const stalled = findCondition(status?.conditions, 'Stalled');
  return (
    status?.phase === 'available' &&
    parseQuantity(spec.size) !== parseQuantity(status.size ?? spec.size) &&
    stalled?.status === 'True' &&
    stalled.reason !== 'ShareServerError' &&
    stalled.reason !== writeRefused &&
    status.observedGeneration === metadata.generation
  );
}

/**
 * How a share stands whose refused size somebody asked for again. It is written with the token that asked, so that neither is
 * there without the other, and the share is resized because it is not refused any more.
 */
export const refusedSizeAskedAgain: Readiness = {
  state: 'working',
  reason: 'Resizing',
  message: 'the size that was refused is tried again',
};
