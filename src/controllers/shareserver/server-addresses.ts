import type { ShareNetworkSubnet } from '../../api/v1alpha1/share-network.ts';
import type { NetworkAllocation, ShareServer } from '../../api/v1alpha1/share-server.ts';
import { related } from '../../cluster-state/related.ts';
import { uidOf } from '../../runtime/kube-object.ts';
import { allocateAddresses, canonicalAddress, segmentKey } from '../../scheduling/address-allocation.ts';
import type { ServerScope } from './scope.ts';

/**
 * Addresses that this process chose, by server UID: until they are stored, another server that asks in the same moment must not
 * be given them.
 */
export type GivenAddresses = Map<string, readonly NetworkAllocation[]>;

type Allocations =
  | { readonly addresses: readonly NetworkAllocation[] }
  | { readonly exhausted: true; readonly message: string };

/** The server's addresses: those it has, else free ones of its subnet, unique on the backend's segment over all namespaces. */
export function allocate(scope: ServerScope, count: number, given: GivenAddresses): Allocations {
  const { operator, server } = scope;
  const present = server.status?.networkAllocations ?? [];
  const subnet = subnetOf(scope);
  if (present.length > 0 || count === 0) return { addresses: present };
  if (subnet === undefined) {
    return { exhausted: true, message: `subnet ${server.spec.subnetName} is not in the share network any more` };
  }
  const segment = segmentKey(subnet);
  const others = operator.informers.shareServers.cache
    .byIndex('byBackend', server.spec.backendName)
    .filter((other) => uidOf(other) !== uidOf(server));
  const used = new Set<string>();
  for (const other of others) {
    for (const { subnetName, ipAddress } of other.status?.networkAllocations ?? given.get(uidOf(other)) ?? []) {
      if ((segmentKeyOf(operator, other, subnetName) ?? segment) === segment) used.add(canonicalAddress(ipAddress));
    }
  }
  const result = allocateAddresses({ subnet, count, used });
  if (result.exhausted === true) return result;
  const addresses = result.addresses.map((ipAddress) => ({ subnetName: subnet.name, ipAddress }));
  given.set(uidOf(server), addresses);
  return { addresses };
}

/** Segment of another server's subnet; where that can't be told its address is taken for used. */
function segmentKeyOf(operator: ServerScope['operator'], server: ShareServer, subnetName: string): string | undefined {
  const given = server.status?.subnet;
  if (given?.name === subnetName) return segmentKey(given);
  const network = related(operator, server.metadata.namespace ?? '').network(server.spec.shareNetworkName);
  const subnet = network?.spec.subnets?.find(({ name }) => name === subnetName);
  return subnet === undefined ? undefined : segmentKey(subnet);
}

/** The server's subnet as its network has it now. */
export function subnetOf({ server, network }: ServerScope): ShareNetworkSubnet | undefined {
  return network?.spec.subnets?.find(({ name }) => name === server.spec.subnetName);
}
