import type { CallContext } from '../driver.ts';
import type { Backend } from './backend.ts';
import { evictClients } from './client-sessions.ts';
import { ownerOf } from './owner.ts';
import { type CephLevel, listAuthorized, type Subvolume } from './subvolumes.ts';

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
    tenantID: ownerOf(context),
    fsid: await backend.fsid(signal),
    context,
  };
}

/** Throws out the clients that use an id on the share. */
export async function evict({ backend, share, context }: AccessScope, authID: string): Promise<void> {
  const sessions = await evictClients(backend.cluster, { ...share, authID }, context.signal);
  if (sessions > 0) context.logger.info({ authID, subvolume: share.name, sessions }, 'evicted clients of a share');
}
