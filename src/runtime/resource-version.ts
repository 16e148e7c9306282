/**
 * Whether resourceVersion `a` is newer than `b`. Versions are decimal integers without leading zeros that may exceed 2^53;
 * the API promises their order since Kubernetes 1.35 (and etcd gave it before).
 */
export function isNewer(a: string | undefined, b: string | undefined): boolean {
  if (a === undefined) return false;
  if (b === undefined) return true;
  return a.length === b.length ? a > b : a.length > b.length;
}
