import type { Finding } from '../../api/v1alpha1/finding.ts';
import { earliestRequeueMs } from './earliest-requeue.ts';

interface Requeue {
  /** Reconcile again after so many milliseconds, or earlier when something changes. */
  readonly requeueAfterMs?: number | undefined;
}

/**
 * What a phase of a reconcile pass came to.
 * - `done`: go on with the next phase.
 * - `wait`: something else has to happen first, which brings the object back into the queue or is looked for after the pause.
 * - `stalled`: nothing more happens until a person changes something.
 * - `stop`: nothing is left to do; the object says what the draft says.
 * - `passOver`: everything that the pass has to say is stored; nothing more is written.
 *
 * All but `done` end the pass.
 */
export type Step = (Requeue & { readonly kind: 'done' | 'stop' | 'passOver' }) | BlockedStep;

export type BlockedStep = Requeue & { readonly kind: 'wait' | 'stalled'; readonly finding: Finding };

/** One phase of a pass over an object. Failures are thrown. */
export type Phase<S> = (scope: S) => Promise<Step> | Step;

export const done: Step = { kind: 'done' };

export function requeueAfter(requeueAfterMs: number | undefined): Step {
  return { kind: 'done', requeueAfterMs };
}

export function wait({ reason, message, subject }: Finding, requeueAfterMs?: number): BlockedStep {
  return { kind: 'wait', finding: { reason, message, ...(subject && { subject }) }, requeueAfterMs };
}

export function stalled({ reason, message, subject }: Finding, requeueAfterMs?: number): BlockedStep {
  return { kind: 'stalled', finding: { reason, message, ...(subject && { subject }) }, requeueAfterMs };
}

export function stop(requeueAfterMs?: number): Step {
  return { kind: 'stop', requeueAfterMs };
}

export function passOver(requeueAfterMs?: number): Step {
  return { kind: 'passOver', requeueAfterMs };
}

/** The same step, with the earlier one of its requeue and another. */
export function withRequeue(step: Step, requeueAfterMs: number | undefined): Step {
  return { ...step, requeueAfterMs: earliestRequeueMs(step.requeueAfterMs, requeueAfterMs) };
}

/** Runs phases in order until one ends the pass; of the requeues so far the earliest counts. */
export async function runPhases<S>(scope: S, phases: readonly Phase<S>[]): Promise<Step> {
  let requeueAfterMs: number | undefined;
  for (const phase of phases) {
    const step = await phase(scope);
    if (step.kind !== 'done') return withRequeue(step, requeueAfterMs);
    requeueAfterMs = earliestRequeueMs(requeueAfterMs, step.requeueAfterMs);
  }
  return requeueAfter(requeueAfterMs);
}
