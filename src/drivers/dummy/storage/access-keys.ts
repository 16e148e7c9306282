import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { isOwner, type Owner } from '../../kit/owner.ts';
import type { DocumentStore } from './document-store.ts';
import { ownerFields } from './documents.ts';

const keySchema = z.object({
  ...ownerFields,
  id: z.string(),
  key: z.string(),
  /** Ids of the shares that the id is granted on. */
  shares: z.array(z.string()),
  /** The service for which the key was last replaced, and the operation that asked for it, by share server. */
  rotation: z.object({ securityServiceID: z.string(), operations: z.record(z.string(), z.string()) }).optional(),
});
type KeyDocument = z.infer<typeof keySchema>;

/** Ids that belong to the backend itself, as `client.admin` does in Ceph. */
const reservedIDs: ReadonlySet<string> = new Set(['admin', 'bootstrap', 'crash', 'fs', 'mds', 'mgr', 'mon', 'osd']);

/** Makes a key of a length in characters. */
export type MakeKey = (length: number) => string;

/** A random key that looks like one of Ceph. */
export const randomKey: MakeKey = (length) => `AQ${randomBytes(length).toString('base64')}`.slice(0, length);

/** Which call of an update of a security service replaces keys. */
export interface KeyRotation {
  readonly securityServiceID: string;
  readonly serverID: string;
  readonly operationID: string;
}

/** The cephx ids of a backend. An id belongs to one tenant, whatever share it is granted on, and has one key. */
export interface AccessKeys {
  /** Whether the tenant may use the id: it is free or already theirs, and not the backend's own. */
  mayUse(id: string, owner: Owner): boolean;
  /** Notes that the id is granted on the share; answers its key, new if it had none. Only after {@link AccessKeys.mayUse}. */
  grant(id: string, owner: Owner, shareID: string): string;
  /** The id is gone with its last share. Revoking what was not granted, or another tenant's id, changes nothing. */
  revoke(id: string, owner: Owner, shareID: string): void;
  /** Replaces the key, once per update: the share servers that take one service share the new key. */
  rotate(id: string, owner: Owner, rotation: KeyRotation): void;
}

/** Keeps ids and keys in the backend's documents. */
export function createAccessKeys(store: DocumentStore, keyLength: number, makeKey: MakeKey): AccessKeys {
  const read = (id: string): KeyDocument | undefined => {
    const document = store.read('keys', documentID(id));
    return document === undefined ? undefined : keySchema.parse(document);
  };
  const write = (document: KeyDocument): void => store.write('keys', documentID(document.id), document);
  const readOwned = (id: string, owner: Owner): KeyDocument | undefined => {
    const document = read(id);
    return document !== undefined && isOwner(owner, document) ? document : undefined;
  };
  return {
    mayUse: (id, owner) => {
      if (reservedIDs.has(id)) return false;
      const document = read(id);
      return document === undefined || isOwner(owner, document);
    },
    grant: (id, owner, shareID) => {
      const existing = readOwned(id, owner);
      if (existing?.shares.includes(shareID)) return existing.key;
      const granted = existing ?? { ...owner, id, key: makeKey(keyLength), shares: [] };
      write({ ...granted, shares: [...granted.shares, shareID] });
      return granted.key;
    },
    revoke: (id, owner, shareID) => {
      const document = readOwned(id, owner);
      if (!document?.shares.includes(shareID)) return;
      const shares = document.shares.filter((share) => share !== shareID);
      if (shares.length === 0) store.remove('keys', documentID(id));
      else write({ ...document, shares });
    },
    rotate: (id, owner, { securityServiceID, serverID, operationID }) => {
      const document = readOwned(id, owner);
      if (document === undefined) return;
      const last = document.rotation;
      const earlier = last?.securityServiceID === securityServiceID ? last.operations[serverID] : undefined;
      if (earlier === operationID) return;
      const joins = last?.securityServiceID === securityServiceID && earlier === undefined;
      write({
        ...document,
        key: joins ? document.key : makeKey(keyLength),
        rotation: {
          securityServiceID,
          operations: { ...(joins ? last.operations : {}), [serverID]: operationID },
        },
      });
    },
  };
}

/** Ids differ by case, file names need not. */
function documentID(id: string): string {
  return Buffer.from(id, 'utf8').toString('hex');
}
