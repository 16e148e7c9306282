import type { ReconcileResult } from '../runtime/controller.ts';

/** Of several wishes to be looked at again the earliest. */
export function soonest(...results: readonly (ReconcileResult | undefined)[]): ReconcileResult | undefined {
  const requeueAfterMs = shortest(...results.map((result) => result?.requeueAfterMs));
  return requeueAfterMs === undefined ? undefined : { requeueAfterMs };
}

/** Of several pauses the shortest. */
export function shortest(...pauses: readonly (number | undefined)[]): number | undefined {
  const known = pauses.filter((pause) => pause !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}
