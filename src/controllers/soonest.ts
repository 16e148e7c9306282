import type { ReconcileResult } from '../runtime/controller.ts';

/** Of several wishes to be looked at again the earliest. */
export function soonest(...results: readonly (ReconcileResult | undefined)[]): ReconcileResult | undefined {
  const pauses = results.flatMap((result) => (result?.requeueAfterMs === undefined ? [] : [result.requeueAfterMs]));
  return pauses.length === 0 ? undefined : { requeueAfterMs: Math.min(...pauses) };
}
