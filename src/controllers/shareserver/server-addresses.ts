import type { ShareNetworkSubnet } from '../../api/v1alpha1/share-network.ts';
import type { NetworkAllocation, ShareServer } from '../../api/v1alpha1/share-server.ts';
import { namespaceView } from '../../cluster-state/namespace-view.ts';
import { uidOf } from '../../runtime/kube-object.ts';
import { allocateAddresses, canonicalAddress, segmentKey } from '../../scheduling/address-allocation.ts';
import type { ServerScope } from './scope.ts';

type Allocations =
  | { readonly addresses: readonly NetworkAllocation[] }
  | { readonly exhausted: true; readonly message: string };

/**
 * The server's addresses: those it has, else free ones of its subnet. An address is free if no other server of its network has it,
 * whatever its backend and subnet are, and none on the same segment of its backend, over all namespaces. The addresses of a server
 * never change, even if an older version gave two servers the same.
 */
export function allocate(scope: ServerScope, count: number): Allocations {
  const { operator, server, memory } = scope;
  const present = server.status?.networkAllocations ?? [];
  const subnet = subnetOf(scope);
  if (present.length > 0 || count === 0) return { addresses: present };
  if (subnet === undefined) {
    return { exhausted: true, message: `subnet ${server.spec.subnetName} is no longer in the share network` };
  }
  const { cache } = operator.informers.shareServers;
  const excludes = (address: string, other: ShareServer): boolean =>
    uidOf(other) !== uidOf(server) &&
    (isOfSameNetwork(server, other) || isOnSameSegment(scope, subnet, address, other));
  const used = {
    has: (address: string): boolean =>
      cache.byIndex('byAddress', address).some((other) => excludes(address, other)) ||
      [...memory.addresses.holdersOf(address)].some((other) => excludes(address, other)),
  };
  const result = allocateAddresses({ subnet, count, used });
  if (result.exhausted === true) return result;
  const addresses = result.addresses.map((ipAddress) => ({ subnetName: subnet.name, ipAddress }));
  memory.addresses.reserve(server, addresses);
  return { addresses };
}

function isOfSameNetwork(server: ShareServer, other: ShareServer): boolean {
  return (
    other.metadata.namespace === server.metadata.namespace &&
    other.spec.shareNetworkName === server.spec.shareNetworkName
  );
}

/** If the segment of the other server is unknown, the same backend is enough. */
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

/** Segment of another server's subnet; undefined if it is unknown. */
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
