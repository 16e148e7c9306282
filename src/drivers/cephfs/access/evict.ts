import { exceedsShares, grantedShares } from '../auth/caps.ts';
import { readCaps } from '../auth/entities.ts';
import { evictClients } from '../cluster/client-sessions.ts';
import { type AccessScope, isOnlyForTenant } from './scope.ts';

/** A share that an id was denied on or lowered on, which may be gone. */
export interface DeniedShare {
  readonly fsName: string;
  readonly name: string;
  /** Path of the subvolume. */
  readonly path: string;
}

/**
 * Throws out the clients that use an id on a share, after the id was denied there or its level was lowered. A tenant can name any id
 * in a rule: where it is another owner's, none of its clients is touched. A client that does not say what it mounted may use the
 * share, and loses its session where the id is the tenant's.
 * @param wasGranted whether Ceph had the id on the share when the call began
 */
export async function evict(
  scope: Pick<AccessScope, 'backend' | 'tenantID' | 'context'>,
  share: DeniedShare,
  authID: string,
  wasGranted: boolean,
): Promise<void> {
  const { backend, context } = scope;
  const { fsName, name, path } = share;
  const sessions = await evictClients(
    backend.cluster,
    {
      fsName,
      authID,
      path,
      choose: async ({ onShare, unknown }) => {
        if (wasGranted && unknown.length === 0) return onShare;
        const isOwn = await isTenants(scope, authID);
        return [...(wasGranted || isOwn ? onShare : []), ...(isOwn ? unknown : [])];
      },
    },
    context.signal,
  );
  if (sessions > 0) context.logger.info({ authID, subvolume: name, sessions }, 'evicted clients of a share');
}

/** Whether no other owner can have clients with the id: it is gone, or gives access to the tenant's shares at most. */
async function isTenants(
  scope: Pick<AccessScope, 'backend' | 'tenantID' | 'context'>,
  authID: string,
): Promise<boolean> {
  const caps = await readCaps(scope.backend.cluster, authID, scope.context.signal);
  if (caps === undefined) return true;
  if (grantedShares(caps).length === 0 && !exceedsShares(caps)) return true;
  return await isOnlyForTenant(scope, caps);
}
