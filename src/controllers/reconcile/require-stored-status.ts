import type { Stored } from '../../cluster-state/storage-id.ts';
import { lacksStatus, restoredWithoutStatus } from '../lifecycle/restored.ts';
import type { ManagedObject } from '../status/status-draft.ts';
import type { Pass } from './pass.ts';
import { done, type Step, stalled } from './step.ts';

/** A phase: nothing is done for an object that was restored without the status that says what the storage system has of it. */
export function requireStoredStatus<T extends ManagedObject & Stored>({ draft }: Pass<T>): Step {
  return lacksStatus(draft.object) ? stalled(restoredWithoutStatus) : done;
}
