import * as labels from '../api/v1alpha1/labels.ts';
import type { StorageBackend } from '../api/v1alpha1/storage-backend.ts';
import type { KubeObject } from '../runtime/kube-object.ts';
import { isToken } from './request-tokens.ts';

/** Whether a person asked to leave the object alone. */
export function isPaused(object: KubeObject): boolean {
  return object.metadata.annotations?.[labels.paused] === 'true';
}

/**
 * Whether a person asked to forget the object without asking its driver, and may: its backend is gone or going, or its owner
 * allows it.
 */
export function mayAbandon(object: KubeObject, backend: StorageBackend | undefined): boolean {
  return (
    object.metadata.annotations?.[labels.abandon] === 'true' &&
    (backend === undefined || backend.metadata.deletionTimestamp !== undefined || backend.spec.allowAbandon === true)
  );
}

/** The token in an annotation; undefined where there is none or it is not a token. */
export function requestToken(object: KubeObject, annotation: string): string | undefined {
  const value = object.metadata.annotations?.[annotation];
  return value !== undefined && isToken(value) ? value : undefined;
}

/** An unhandled token to look at the object again. */
export function unhandledReconcileToken(
  object: KubeObject & { readonly status?: { readonly lastHandledReconcileAt?: string } },
): string | undefined {
  const token = requestToken(object, labels.reconcileRequestedAt);
  return token === object.status?.lastHandledReconcileAt ? undefined : token;
}
