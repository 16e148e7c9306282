import type { ReconcileResult } from '../../runtime/controller.ts';

/** The earliest of several requeues. */
export function earliestRequeue(...results: readonly (ReconcileResult | undefined)[]): ReconcileResult | undefined {
  const requeueAfterMs = earliestRequeueMs(...results.map((result) => result?.requeueAfterMs));
  return requeueAfterMs === undefined ? undefined : { requeueAfterMs };
}

/** The shortest of several pauses. */
export function earliestRequeueMs(...pauses: readonly (number | undefined)[]): number | undefined {
  const known = pauses.filter((pause) => pause !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}
