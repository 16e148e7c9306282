import { isDeepStrictEqual } from 'node:util';
import type { CacheEvent } from '../../runtime/cache.ts';
import type { KubeObject } from '../../runtime/kube-object.ts';

/**
 * Whether an event tells something new to who cares for some facts of an object only. That it came or went always does: also of one
 * that went by force, of which nothing was written before.
 */
export function tellsNews<T extends KubeObject>(
  { type, object, previous }: CacheEvent<T>,
  factsOf: (object: T) => unknown,
): boolean {
  return type !== 'modified' || previous === undefined || !isDeepStrictEqual(factsOf(object), factsOf(previous));
}

/** The labels of a namespace: they decide what its objects may use. */
export function labelsOf({ metadata }: KubeObject): unknown {
  return metadata.labels;
}
