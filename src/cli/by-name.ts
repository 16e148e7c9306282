import { compare } from '../api/compare.ts';
import type { KubeObject } from '../runtime/kube-object.ts';

/** Order of a list: by namespace, then by name. */
export function byName(a: KubeObject, b: KubeObject): number {
  return compare(a.metadata.namespace ?? '', b.metadata.namespace ?? '') || compare(a.metadata.name, b.metadata.name);
}
