import type { KubeObject } from './kube-object.ts';

/** Freezes a value that came out of `JSON.parse`, all the way down. What is frozen already is taken as frozen all the way down. */
export function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    for (const part of Object.values(value)) {
      if (typeof part === 'object' && part !== null) deepFreeze(part);
    }
    Object.freeze(value);
  }
  return value;
}

/** The object without `metadata.managedFields`, which are often the greater part of it. */
export function withoutManagedFields<T extends KubeObject>(object: T): T {
  if (object.metadata.managedFields === undefined) return object;
  const { managedFields: _, ...metadata } = object.metadata;
  return { ...object, metadata };
}
