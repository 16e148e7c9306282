import { findCondition } from '../../api/v1alpha1/conditions.ts';
import type { Finding } from '../../api/v1alpha1/finding.ts';
import { toReason } from '../../api/v1alpha1/reasons/reason.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Informer } from '../../runtime/informer.ts';
import type { Operator } from '../operator.ts';
import type { Readiness } from './readiness.ts';
import { draftOf, latestOf, type ManagedObject } from './status-draft.ts';

/** A longer wait is shown. */
const longWaitMs = 2000;

/** Does something that may take long; `tell` is called after a while, and every two seconds from then on, until it has ended. */
export async function reportingWhile<R>(
  clock: Clock,
  tell: () => void,
  work: () => Promise<R>,
  firstMs = longWaitMs,
): Promise<R> {
  const again = () => {
    tell();
    timer = clock.setTimeout(again, longWaitMs);
  };
  let timer = clock.setTimeout(again, firstMs);
  try {
    return await work();
  } finally {
    clock.clearTimeout(timer);
  }
}

/** Shows the readiness of an object during a pass; best effort, since the end of the pass writes the result. */
export function showInterimReadiness<T extends ManagedObject>(
  operator: Operator,
  informer: Informer<T>,
  object: T,
  readiness: Readiness,
): void {
  draftOf(operator, latestOf(informer, object))
    .showReadiness(readiness)
    .write(operator.client, informer)
    .catch(() => undefined);
}

/**
 * Does something for an object that may have to wait before a driver can be called. When a wait takes long, the object shows what it waits for;
 * when the wait is over and the work takes long, the object shows again what it showed before.
 * @param work gets a function to report what it waits for; undefined: for nothing any more
 */
export async function reportingWaits<T extends ManagedObject, R>(
  operator: Operator,
  informer: Informer<T>,
  object: T,
  work: (waiting: (wait: Finding | undefined) => void) => Promise<R>,
): Promise<R> {
  const before = readinessOf(object);
  let wait: Finding | undefined;
  let shown = before;
  const tell = (): void => {
    const readiness: Readiness | undefined = wait === undefined ? before : { state: 'working', ...wait };
    if (readiness === undefined || readiness.message === shown?.message) return;
    // What the work itself wrote meanwhile is more precise.
    if (readinessOf(latestOf(informer, object))?.message !== shown?.message) return;
    shown = readiness;
    showInterimReadiness(operator, informer, object, readiness);
  };
  return await reportingWhile(operator.clock, tell, () => work((next) => (wait = next)));
}

function readinessOf({ status }: ManagedObject): Readiness | undefined {
  const ready = findCondition(status?.conditions, 'Ready');
  if (ready === undefined) return undefined;
  const { reason, message } = ready;
  const isStalled = findCondition(status?.conditions, 'Stalled') !== undefined;
  return {
    state: ready.status === 'True' ? 'ready' : isStalled ? 'stalled' : 'working',
    reason: toReason(reason),
    message,
    ...(status?.waitingFor !== undefined && { subject: status.waitingFor }),
  };
}
