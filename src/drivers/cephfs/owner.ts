import type { CallContext } from '../driver.ts';
import { DriverError } from '../errors.ts';

/** Key of the subvolume's metadata that says whose it is. */
export const ownerKey = 'sharenet.io/owner';

/**
 * Whose an object in Ceph is: a tenant of one installation. It is the tag of subvolumes and the tenant id of cephx ids, so that
 * Ceph itself keeps apart the ids of tenants and of installations.
 */
export function ownerOf({ installationID, tenant }: Pick<CallContext, 'installationID' | 'tenant'>): string {
  return `${installationID}/${tenant.namespaceUID}`;
}

/**
 * @param tag of the subvolume; one without was made by a call that was cut off, its name is of the share's UID
 * @throws DriverError `Rejected` when another owner is tagged; tells nothing about that one
 */
export function requireOwner(owner: string, tag: string | undefined, what: string): void {
  if (tag === undefined || tag === owner) return;
  throw new DriverError({
    kind: 'Rejected',
    reason: 'ForeignObject',
    message: `${what} on the storage system belongs to another tenant or another installation`,
  });
}
