import type { CallContext } from '../driver.ts';
import { type Failures, failures } from './failures.ts';
import type { KitReason } from './reasons.ts';

const { rejected }: Failures<KitReason> = failures;

/** Whose an object on the storage system is: a tenant of one installation. */
export interface Owner {
  readonly installationID: string;
  /** A namespace of the same name created later is another tenant, so this is its UID. */
  readonly namespaceUID: string;
}

/** The owner of what a call is about. */
export function ownerOf({ installationID, tenant }: Pick<CallContext, 'installationID' | 'tenant'>): Owner {
  return { installationID, namespaceUID: tenant.namespaceUID };
}

/** The owner as one text, to tag objects on the storage system with. */
export function ownerTag({ installationID, namespaceUID }: Owner): string {
  return `${installationID}/${namespaceUID}`;
}

/** Whether a tag names this owner. */
export function isOwner(owner: Owner, tag: Owner | string): boolean {
  return ownerTag(owner) === (typeof tag === 'string' ? tag : ownerTag(tag));
}

/** @throws DriverError `Rejected` when the object is tagged with another owner; the message does not say which */
export function requireOwner(owner: Owner, tag: Owner | string, what: string): void {
  if (isOwner(owner, tag)) return;
  throw rejected('ForeignObject', `${what} on the storage system belongs to another tenant or another installation`);
}
