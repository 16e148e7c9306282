import { z } from 'zod';
import { DriverError } from '../errors.ts';

/** Whose an object on the backend is: a tenant of one installation. */
export interface Owner {
  readonly installationID: string;
  readonly namespaceUID: string;
}

/** The tag that every document carries. */
export const ownerFields = { installationID: z.string(), namespaceUID: z.string() };

/** Whether the document is tagged with this owner. */
export function ownsDocument(owner: Owner, document: Owner): boolean {
  return document.installationID === owner.installationID && document.namespaceUID === owner.namespaceUID;
}

/** @throws DriverError `Rejected` when the document is tagged with another owner; tells nothing about that one. */
export function requireOwner(owner: Owner, document: Owner, what: string): void {
  if (ownsDocument(owner, document)) return;
  throw new DriverError({
    kind: 'Rejected',
    reason: 'ForeignObject',
    message: `${what} on the backend belongs to another tenant or another installation`,
  });
}
