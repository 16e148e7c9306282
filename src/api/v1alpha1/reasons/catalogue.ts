import { everyKindReasons } from './every-kind.ts';
import type { ReasonRecords } from './reason-record.ts';
import { securityServiceReasons } from './security-service.ts';
import { shareReasons } from './share.ts';
import { shareAccessReasons } from './share-access.ts';
import { shareNetworkReasons } from './share-network.ts';
import { shareServerReasons } from './share-server.ts';
import { storageBackendReasons } from './storage-backend.ts';

const catalogue = {
  'Every kind': everyKindReasons,
  StorageBackend: storageBackendReasons,
  SecurityService: securityServiceReasons,
  ShareNetwork: shareNetworkReasons,
  ShareServer: shareServerReasons,
  Share: shareReasons,
  ShareAccess: shareAccessReasons,
} as const;

type Catalogue = typeof catalogue;

/** Kinds of the API, and what all of them have in common. */
export type ReasonKind = keyof Catalogue;

/** A reason that the operator itself gives. */
export type OwnReason = { [K in ReasonKind]: keyof Catalogue[K] }[ReasonKind];

/** Every reason that the operator gives, by kind. Storage drivers give further reasons, which their documentation describes. */
export const reasons: Readonly<Record<ReasonKind, ReasonRecords>> = catalogue;

const names: ReadonlySet<string> = new Set(Object.values(reasons).flatMap((records) => Object.keys(records)));

/** Whether the catalogue has the reason. */
export function isOwnReason(text: string): text is OwnReason {
  return names.has(text);
}
