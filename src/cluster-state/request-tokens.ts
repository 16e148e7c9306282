import * as labels from '../api/v1alpha1/labels.ts';
import type { KubeObject } from '../runtime/kube-object.ts';

/** Whether an annotation's value is a token: printable ASCII, 1 to 64 characters. */
export function isToken(value: string): boolean {
  return /^[\x20-\x7e]{1,64}$/.test(value);
}

/** Names of request annotations whose value is not a token; for the condition `InvalidRequestToken`. */
export function invalidTokens(object: KubeObject): readonly string[] {
  return [labels.reconcileRequestedAt, labels.reapplyRequestedAt].filter((annotation) => {
    const value = object.metadata.annotations?.[annotation];
    return value !== undefined && !isToken(value);
  });
}
