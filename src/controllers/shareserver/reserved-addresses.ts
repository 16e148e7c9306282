import type { NetworkAllocation, ShareServer } from '../../api/v1alpha1/share-server.ts';
import type { Informer } from '../../runtime/informer.ts';
import { uidOf } from '../../runtime/kube-object.ts';
import { canonicalAddress } from '../../scheduling/address-allocation.ts';

interface Reservation {
  readonly server: ShareServer;
  readonly addresses: readonly NetworkAllocation[];
}

/**
 * Addresses that this process chose and that are not stored yet: another server that asks at the same moment must not receive them,
 * whichever backend it is on.
 */
export class ReservedAddresses {
  readonly #byServer = new Map<string, Reservation>();
  /** Servers by canonical address. */
  readonly #byAddress = new Map<string, Set<ShareServer>>();

  constructor(shareServers: Pick<Informer<ShareServer>, 'onEvent'>) {
    shareServers.onEvent(({ type, object }) => {
      if (type === 'deleted' || object.status?.networkAllocations !== undefined) this.release(uidOf(object));
    });
  }

  reserve(server: ShareServer, addresses: readonly NetworkAllocation[]): void {
    this.release(uidOf(server));
    this.#byServer.set(uidOf(server), { server, addresses });
    for (const { ipAddress } of addresses) {
      const key = canonicalAddress(ipAddress);
      this.#byAddress.set(key, (this.#byAddress.get(key) ?? new Set()).add(server));
    }
  }

  /** Ends the reservations of a server: they are stored, or the server is gone. */
  release(serverUID: string): void {
    const reservation = this.#byServer.get(serverUID);
    if (reservation === undefined) return;
    this.#byServer.delete(serverUID);
    for (const { ipAddress } of reservation.addresses) {
      const key = canonicalAddress(ipAddress);
      const servers = this.#byAddress.get(key);
      servers?.delete(reservation.server);
      if (servers?.size === 0) this.#byAddress.delete(key);
    }
  }

  /** Servers for which an address is reserved. */
  holdersOf(address: string): Iterable<ShareServer> {
    return this.#byAddress.get(address) ?? [];
  }
}
