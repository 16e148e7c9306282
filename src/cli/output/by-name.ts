import type { KubeObject } from '../../runtime/kube-object.ts';
import { compare } from '../../values/compare.ts';

/** Order of a list: by namespace, then by name. */
export function byName(a: KubeObject, b: KubeObject): number {
  return compare(a.metadata.namespace ?? '', b.metadata.namespace ?? '') || compare(a.metadata.name, b.metadata.name);
}
