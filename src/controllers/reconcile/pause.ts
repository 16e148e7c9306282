import { isPaused } from '../../cluster-state/requests.ts';
import { pausedReadiness } from '../status/readiness.ts';
import type { ManagedObject } from '../status/status-draft.ts';
import type { Pass } from './pass.ts';
import { done, passOver, type Step, wait } from './step.ts';

/** A phase: the annotation that pauses reconciliation ends the pass here. */
export function pause<T extends ManagedObject>({ draft }: Pass<T>): Step {
  return isPaused(draft.object) ? wait(pausedReadiness) : done;
}

/** A phase of a deletion: it is paused in the same way, and shows nothing. */
export function pauseDeletion<T extends ManagedObject>({ draft }: Pass<T>): Step {
  return isPaused(draft.object) ? passOver() : done;
}
