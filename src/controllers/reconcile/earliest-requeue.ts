/** The shortest of several pauses, in milliseconds. */
export function earliestRequeueMs(...pauses: readonly (number | undefined)[]): number | undefined {
  const known = pauses.filter((pause) => pause !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}
