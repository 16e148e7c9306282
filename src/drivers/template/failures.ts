import type { CallContext } from '../driver.ts';
import { DriverError } from '../errors.ts';

/** This request can't work, now or later. The message is for the tenant: what, where, what to do. */
export function rejected(reason: string, message: string): DriverError {
  return new DriverError({ kind: 'Rejected', reason, message });
}

/** What the call is about is not on the storage system. */
export function notFound(what: string): DriverError {
  return new DriverError({ kind: 'NotFound', reason: 'NotFound', message: `${what} is not on the storage system` });
}

/** Whose an object is. A namespace of the same name made later is another tenant: its UID is in it, not its name. */
export function ownerOf({ installationID, tenant }: Pick<CallContext, 'installationID' | 'tenant'>): string {
  return `${installationID}/${tenant.namespaceUID}`;
}

/**
 * What was found, if it belongs to the caller.
 * @throws DriverError when it is somebody else's; the message does not say whose
 */
export function owned<T extends { readonly owner: string }>(
  found: T | undefined,
  what: string,
  context: Pick<CallContext, 'installationID' | 'tenant'>,
): T | undefined {
  if (found === undefined || found.owner === ownerOf(context)) return found;
  throw rejected('ForeignObject', `${what} belongs to another installation or namespace`);
}
