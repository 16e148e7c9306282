import type { DriverCapacity, DriverServer, DriverShare } from '../../driver.ts';
import { type Owner, requireOwner } from '../../kit/owner.ts';
import { notFound, rejected } from '../reasons.ts';
import type { DocumentStore } from './document-store.ts';
import { type ServerDocument, type ShareDocument, serverSchema, shareSchema } from './documents.ts';

/** Bytes: 1 PiB. */
const totalCapacity = 2 ** 50;

/** The share servers and shares of a dummy backend; every access asks whose they are. */
export interface StorageSystem {
  capacity(): DriverCapacity;
  /** undefined when there is none. @throws DriverError `Rejected` when it is another owner's */
  findServer(id: string, owner: Owner): ServerDocument | undefined;
  /** @throws DriverError `NotFound`, or `Rejected` when it is another owner's */
  getServer(server: DriverServer, owner: Owner): ServerDocument;
  saveServer(server: ServerDocument): void;
  removeServer(id: string): void;
  /** How many shares the server holds. */
  sharesOn(serverID: string): number;
  /** undefined when there is none. @throws DriverError `Rejected` when it is another owner's */
  findShare(id: string, owner: Owner): ShareDocument | undefined;
  /** @throws DriverError `NotFound`, or `Rejected` when it is another owner's */
  getShare(share: DriverShare, owner: Owner): ShareDocument;
  /** @throws DriverError `Rejected` when the backend has not enough space */
  saveShare(share: ShareDocument): void;
  removeShare(id: string): void;
}

/** A backend over its documents. */
export function createStorageSystem(store: DocumentStore): StorageSystem {
  // Reading every share for each new one would be quadratic; the probe reads them again, in case someone edited the files.
  let sizes: Map<string, number> | undefined;
  const readShares = (): ShareDocument[] => store.list('shares').map((document) => shareSchema.parse(document));
  const sizesOfShares = (): Map<string, number> => {
    sizes ??= new Map(readShares().map(({ id, size }) => [id, size]));
    return sizes;
  };
  const available = (): number => {
    let allocated = 0;
    for (const size of sizesOfShares().values()) allocated += size;
    return Math.max(0, totalCapacity - allocated);
  };
  const findServer = (id: string, owner: Owner): ServerDocument | undefined => {
    const document = store.read('servers', id);
    if (document === undefined) return undefined;
    const server = serverSchema.parse(document);
    requireOwner(owner, server, 'the share server');
    return server;
  };
  const findShare = (id: string, owner: Owner): ShareDocument | undefined => {
    const document = store.read('shares', id);
    if (document === undefined) return undefined;
    const share = shareSchema.parse(document);
    requireOwner(owner, share, 'the share');
    return share;
  };
  return {
    capacity: () => {
      sizes = undefined;
      return { total: totalCapacity, available: available() };
    },
    findServer,
    getServer: (server, owner) => {
      const found = findServer(server.id, owner);
      if (found === undefined)
        throw notFound('ShareServerNotOnBackend', `the share server ${server.name} is not on the backend`);
      return found;
    },
    saveServer: (server) => store.write('servers', server.id, server),
    removeServer: (id) => store.remove('servers', id),
    sharesOn: (serverID) => readShares().filter((share) => share.serverID === serverID).length,
    findShare,
    getShare: (share, owner) => {
      const found = findShare(share.id, owner);
      if (found === undefined) throw notFound('ShareNotOnBackend', `the share ${share.name} is not on the backend`);
      return found;
    },
    saveShare: (share) => {
      const known = sizesOfShares();
      if (share.size - (known.get(share.id) ?? 0) > available()) {
        throw rejected('InsufficientCapacity', `the backend has not enough space for a share of ${share.size} bytes`);
      }
      store.write('shares', share.id, share);
      known.set(share.id, share.size);
    },
    removeShare: (id) => {
      store.remove('shares', id);
      sizesOfShares().delete(id);
    },
  };
}
