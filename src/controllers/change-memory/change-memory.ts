import type { PendingAssociations } from './pending-associations.ts';
import type { ChangeRollout } from './rollout.ts';

/** For controllers that take part in a change of security services. */
export interface ChangeMemory {
  readonly pendingAssociations: PendingAssociations;
  readonly rollout: ChangeRollout;
}
