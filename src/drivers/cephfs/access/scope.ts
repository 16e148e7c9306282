import type { CallContext } from '../../driver.ts';
import { ownerOf, ownerTag } from '../../kit/owner.ts';
import { type Caps, exceedsShares, grantedShares } from '../auth/caps.ts';
import type { Backend } from '../backend.ts';
import {
  type CephLevel,
  findSubvolume,
  listAuthorized,
  readOwner,
  type Subvolume,
  type SubvolumeAddress,
} from '../subvolumes/subvolumes.ts';

/** Where access is given or taken: one share, in one call. */
export interface AccessScope {
  readonly backend: Backend;
  readonly share: Subvolume;
  /** Who is authorized on the share as Ceph recorded it when the call began. */
  readonly authorized: ReadonlyMap<string, CephLevel>;
  readonly tenantID: string;
  readonly fsid: string;
  readonly context: CallContext;
}

/** Reads what calls about access on a share start from. */
export async function accessScopeOf(backend: Backend, share: Subvolume, context: CallContext): Promise<AccessScope> {
  const { signal } = context;
  return {
    backend,
    share,
    authorized: await listAuthorized(backend.cluster, share, signal),
    tenantID: ownerTag(ownerOf(context)),
    fsid: await backend.fsid(signal),
    context,
  };
}

/**
 * Whether all that an id has access to are shares of the tenant, and nothing else.
 * @param holds asked of each share in addition
 */
export async function isOnlyForTenant(
  { backend, tenantID, context }: Pick<AccessScope, 'backend' | 'tenantID' | 'context'>,
  caps: Caps,
  holds: (share: SubvolumeAddress) => Promise<boolean> = async () => true,
): Promise<boolean> {
  const { cluster, config } = backend;
  const { signal } = context;
  const shares = grantedShares(caps);
  if (shares.length === 0 || exceedsShares(caps)) return false;
  for (const { fsName = config.fsName, group, name, path } of shares) {
    const address = { fsName, group, name };
    if ((await findSubvolume(cluster, address, signal))?.path !== path) return false;
    if ((await readOwner(cluster, address, signal)) !== tenantID) return false;
    if (!(await holds(address))) return false;
  }
  return true;
}
