import type { ShareNetworkSubnet } from '../../api/v1alpha1/share-network.ts';
import type { NetworkAllocation, ShareServer } from '../../api/v1alpha1/share-server.ts';
import { namespaceView } from '../../cluster-state/namespace-view.ts';
import { uidOf } from '../../runtime/kube-object.ts';
import { allocateAddresses, canonicalAddress, segmentKey } from '../../scheduling/address-allocation.ts';
import type { ServerScope } from './scope.ts';

/** A server with what this process chose for it. */
interface Given {
  readonly server: ShareServer;
  readonly addresses: readonly NetworkAllocation[];
}

/**
 * Addresses that this process chose: until they are stored, another server that asks in the same moment must not be given them,
 * whichever backend it is on.
 */
export class GivenAddresses {
  readonly #byServer = new Map<string, Given>();
  /** Servers by canonical address. */
  readonly #byAddress = new Map<string, Set<ShareServer>>();

  add(server: ShareServer, addresses: readonly NetworkAllocation[]): void {
    this.delete(uidOf(server));
    this.#byServer.set(uidOf(server), { server, addresses });
    for (const { ipAddress } of addresses) {
      const key = canonicalAddress(ipAddress);
      this.#byAddress.set(key, (this.#byAddress.get(key) ?? new Set()).add(server));
    }
  }

  /** Forgets those of a server that is gone. */
  delete(serverUID: string): void {
    const given = this.#byServer.get(serverUID);
    this.#byServer.delete(serverUID);
    for (const { ipAddress } of given?.addresses ?? []) {
      const key = canonicalAddress(ipAddress);
      const servers = this.#byAddress.get(key);
      if (given !== undefined) servers?.delete(given.server);
      if (servers?.size === 0) this.#byAddress.delete(key);
    }
  }

  /** Servers that an address was given to. */
  holdersOf(address: string): Iterable<ShareServer> {
    return this.#byAddress.get(address) ?? [];
  }
}

type Allocations =
  | { readonly addresses: readonly NetworkAllocation[] }
  | { readonly exhausted: true; readonly message: string };

/**
 * The server's addresses: those it has, else free ones of its subnet. Free is what no other server of its network has, whatever its
 * backend and subnet are, and none on the same segment of its backend, over all namespaces. The addresses of a server never change,
 * also where an older version gave two servers the same.
 */
export function allocate(scope: ServerScope, count: number, given: GivenAddresses): Allocations {
  const { operator, server } = scope;
  const present = server.status?.networkAllocations ?? [];
  const subnet = subnetOf(scope);
  if (present.length > 0 || count === 0) return { addresses: present };
  if (subnet === undefined) {
    return { exhausted: true, message: `subnet ${server.spec.subnetName} is not in the share network any more` };
  }
  const { cache } = operator.informers.shareServers;
  const excludes = (address: string, other: ShareServer): boolean =>
    uidOf(other) !== uidOf(server) &&
    (isOfSameNetwork(server, other) || isOnSameSegment(scope, subnet, address, other));
  const used = {
    has: (address: string): boolean =>
      cache.byIndex('byAddress', address).some((other) => excludes(address, other)) ||
      [...given.holdersOf(address)].some((other) => excludes(address, other)),
  };
  const result = allocateAddresses({ subnet, count, used });
  if (result.exhausted === true) return result;
  const addresses = result.addresses.map((ipAddress) => ({ subnetName: subnet.name, ipAddress }));
  given.add(server, addresses);
  return { addresses };
}

function isOfSameNetwork(server: ShareServer, other: ShareServer): boolean {
  return (
    other.metadata.namespace === server.metadata.namespace &&
    other.spec.shareNetworkName === server.spec.shareNetworkName
  );
}

/** Where the other server's segment can't be told, the same backend is enough. */
function isOnSameSegment(
  { operator, server }: ServerScope,
  subnet: ShareNetworkSubnet,
  address: string,
  other: ShareServer,
): boolean {
  if (other.spec.backendName !== server.spec.backendName) return false;
  const held = other.status?.networkAllocations?.find(({ ipAddress }) => canonicalAddress(ipAddress) === address);
  const segment = segmentKeyOf(operator, other, held?.subnetName ?? other.spec.subnetName);
  return segment === undefined || segment === segmentKey(subnet);
}

/** Segment of another server's subnet; undefined where that can't be told. */
function segmentKeyOf(operator: ServerScope['operator'], server: ShareServer, subnetName: string): string | undefined {
  const given = server.status?.subnet;
  if (given?.name === subnetName) return segmentKey(given);
  const network = namespaceView(operator, server.metadata.namespace ?? '').network(server.spec.shareNetworkName);
  const subnet = network?.spec.subnets?.find(({ name }) => name === subnetName);
  return subnet === undefined ? undefined : segmentKey(subnet);
}

/** The server's subnet as its network has it now. */
export function subnetOf({ server, network }: ServerScope): ShareNetworkSubnet | undefined {
  return network?.spec.subnets?.find(({ name }) => name === server.spec.subnetName);
}
