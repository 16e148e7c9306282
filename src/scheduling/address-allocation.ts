import type { ShareNetworkSubnet } from '../api/v1alpha1/share-network.ts';
import { type AddressRange, formatAddress, parseAddress, parseNetwork, parseRange } from '../values/ip-address.ts';
import { mergeRanges } from './address-ranges.ts';

/** What an allocation needs to know. */
export interface AllocationInput {
  readonly subnet: ShareNetworkSubnet;
  /** Addresses wanted. */
  readonly count: number;
  /** Whether a canonical address is given already. Asked for one address after another: it must not search. */
  readonly used: { has(address: string): boolean };
}

/** Addresses in canonical spelling, or why there are not enough. */
export type AllocationResult =
  | { readonly addresses: readonly string[]; readonly exhausted?: never }
  | { readonly exhausted: true; readonly message: string; readonly addresses?: never };

/**
 * Chooses the lowest free addresses of a subnet's allocation ranges: never the gateway, nor the first and the last address of
 * the subnet (network and broadcast address). All of them or none. The work grows with the addresses in use, not with the
 * size of the range: an IPv6 subnet has 2^64 addresses.
 */
export function allocateAddresses({ subnet, count, used }: AllocationInput): AllocationResult {
  const network = parseNetwork(subnet.cidr);
  if (network === undefined) return { exhausted: true, message: `subnet ${subnet.name}: cidr can't be read` };
  const gateway = subnet.gateway === undefined ? undefined : parseAddress(subnet.gateway);
  const addresses: string[] = [];
  for (const range of allocationRanges(subnet, network)) {
    const { family } = range;
    for (let value = range.first; value <= range.last && addresses.length < count; value += 1n) {
      if (value === network.first || value === network.last) continue;
      if (gateway?.family === family && value === gateway.value) continue;
      const address = formatAddress({ family, value });
      if (!used.has(address)) addresses.push(address);
    }
  }
  if (addresses.length === count) return { addresses };
  return {
    exhausted: true,
    message: `subnet ${subnet.name} has ${addresses.length} free addresses of ${count} needed; add allocationRanges`,
  };
}

/** Ranges in rising order, each address once; the whole subnet when none are given. */
function allocationRanges(subnet: ShareNetworkSubnet, network: AddressRange): readonly AddressRange[] {
  if (subnet.allocationRanges === undefined) return [network];
  return mergeRanges(subnet.allocationRanges.flatMap((text) => parseRange(text) ?? []));
}

/** Name of the segment that a subnet lives on: addresses are unique on it, whatever subnets and namespaces use it. */
export function segmentKey({
  networkType = 'flat',
  segmentationID,
}: Pick<ShareNetworkSubnet, 'networkType' | 'segmentationID'>): string {
  return segmentationID === undefined ? networkType : `${networkType}/${segmentationID}`;
}

/** An address in its canonical spelling; a text that is not an address stays as it is. */
export function canonicalAddress(text: string): string {
  const address = parseAddress(text);
  return address === undefined ? text : formatAddress(address);
}
