import type { StorageBackend } from '../../api/v1alpha1/storage-backend.ts';
import { isNotFound } from '../../runtime/api-error.ts';
import { timestamp } from '../../runtime/clock.ts';
import type { ReconcileResult } from '../../runtime/controller.ts';
import { nameOf, uidOf } from '../../runtime/kube-object.ts';
import { parseDuration } from '../../values/duration.ts';
import { staleCache } from '../lifecycle/live.ts';
import type { ServerScope } from './scope.ts';
import { hasShares, isBackendCurrent } from './tear-down.ts';

/** Has a server without shares torn down after the backend's unusedShareServerTimeout. */
export async function retireWhenUnused(scope: ServerScope): Promise<ReconcileResult | undefined> {
  const { operator, server, draft, shares, backend } = scope;
  const timeoutMs = unusedServerTimeoutOf(backend);
  const kept = shares.length > 0 || (server.status?.retainedShares ?? []).length > 0 || timeoutMs === 0;
  if (kept || backend === undefined) {
    draft.set({ unusedSince: undefined });
    return undefined;
  }
  const { unusedSince } = server.status ?? {};
  if (unusedSince === undefined) {
    draft.set({ unusedSince: timestamp(operator.clock) });
    return { requeueAfterMs: timeoutMs };
  }
  const leftMs = Date.parse(unusedSince) + timeoutMs - operator.clock.now();
  if (leftMs > 0) return { requeueAfterMs: leftMs };
  // A share may have been placed, or the backend's settings changed, without the caches knowing.
  if (!(await isBackendCurrent(scope)) || (await hasShares(scope))) return staleCache;
  const { resourceVersion } = server.metadata;
  try {
    await operator.client.delete(operator.informers.shareServers.type, nameOf(server), {
      uid: uidOf(server),
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
    });
  } catch (error) {
    // After a conflict the next pass looks again: a share may have come.
    if (!isNotFound(error)) throw error;
  }
  return undefined;
}

/** Time after which a share server without shares is torn down, in milliseconds; 0: never. */
function unusedServerTimeoutOf(backend: StorageBackend | undefined): number {
  return parseDuration(backend?.spec.unusedShareServerTimeout ?? '10m') ?? 600_000;
}
