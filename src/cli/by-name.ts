import type { KubeObject } from '../runtime/kube-object.ts';

/** Order of a list: by namespace, then by name. */
export function byName(a: KubeObject, b: KubeObject): number {
  return order(a.metadata.namespace ?? '', b.metadata.namespace ?? '') || order(a.metadata.name, b.metadata.name);
}

const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
