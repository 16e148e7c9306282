import { isDeepStrictEqual } from 'node:util';
import type { CacheEvent } from '../../runtime/cache.ts';
import type { KubeObject } from '../../runtime/kube-object.ts';

/** Whether the selected fields changed. Creation and deletion always count, also a forced deletion that no write preceded. */
export function changed<T extends KubeObject>(
  { type, object, previous }: CacheEvent<T>,
  select: (object: T) => unknown,
): boolean {
  return type !== 'modified' || previous === undefined || !isDeepStrictEqual(select(object), select(previous));
}

/** The labels of a namespace: they decide what its objects may use. */
export function labelsOf({ metadata }: KubeObject): unknown {
  return metadata.labels;
}
