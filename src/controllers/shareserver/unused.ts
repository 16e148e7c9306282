import type { StorageBackend } from '../../api/v1alpha1/storage-backend.ts';
import { isNotFound } from '../../runtime/api-error.ts';
import { timestamp } from '../../runtime/clock.ts';
import { nameOf, uidOf } from '../../runtime/kube-object.ts';
import { parseDuration } from '../../values/duration.ts';
import { staleCache } from '../lifecycle/live.ts';
import { done, passOver, requeueAfter, type Step } from '../reconcile/step.ts';
import { hasShares, isBackendCurrent } from './live-state.ts';
import type { ServerScope } from './scope.ts';

/** A phase: deletes a server that has been without shares for the backend's unusedShareServerTimeout. */
export async function deleteWhenUnused(scope: ServerScope): Promise<Step> {
  const { operator, server, draft, shares, backend } = scope;
  const timeoutMs = unusedServerTimeoutOf(backend);
  const isKept = shares.length > 0 || (server.status?.retainedShares ?? []).length > 0 || timeoutMs === 0;
  if (isKept || backend === undefined) {
    draft.set({ unusedSince: undefined });
    return done;
  }
  const { unusedSince } = server.status ?? {};
  if (unusedSince === undefined) {
    draft.set({ unusedSince: timestamp(operator.clock) });
    return requeueAfter(timeoutMs);
  }
  const leftMs = Date.parse(unusedSince) + timeoutMs - operator.clock.now();
  if (leftMs > 0) return requeueAfter(leftMs);
  // The cache may not show yet that a share was placed, or that the backend's settings changed.
  if (!(await isBackendCurrent(scope)) || (await hasShares(scope))) return requeueAfter(staleCache.requeueAfterMs);
  await deleteServer(scope);
  return passOver();
}

/** @throws ApiError with a conflict when the server was changed meanwhile: a share may have been placed on it */
async function deleteServer({ operator, server }: ServerScope): Promise<void> {
  const { resourceVersion } = server.metadata;
  try {
    await operator.client.delete(operator.informers.shareServers.type, nameOf(server), {
      uid: uidOf(server),
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
    });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

/** Time after which a share server without shares is torn down, in milliseconds; 0: never. */
function unusedServerTimeoutOf(backend: StorageBackend | undefined): number {
  return parseDuration(backend?.spec.unusedShareServerTimeout ?? '10m') ?? 600_000;
}
