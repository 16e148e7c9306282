/** Order of two values for a sort: by code unit for texts, so that it is the same wherever it is asked. */
export function compare<T extends string | number>(left: T, right: T): number {
  if (left === right) return 0;
  return left < right ? -1 : 1;
}
