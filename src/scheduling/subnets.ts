import {
  type AddressRange,
  contains,
  formatAddress,
  type Network,
  overlap,
  parseAddress,
  parseNetwork,
  parseRange,
} from '../api/ip-address.ts';
import type { ShareNetworkSpec, ShareNetworkSubnet } from '../api/v1alpha1/share-network.ts';
import { mergeRanges } from './address-ranges.ts';

/** Whether subnets may change as wanted. */
export type SubnetChangeVerdict =
  | { readonly allowed: true }
  | { readonly allowed: false; readonly reason: 'SubnetInUse'; readonly message: string };

/**
 * Judges the subnets of a network (`SubnetInvalid`): readable networks without host bits, one subnet a zone, no subnet over
 * another, gateway and allocation ranges inside, ranges in order and apart.
 * @returns one sentence about the first thing that is wrong, undefined when nothing is
 */
export function validateSubnets(spec: Pick<ShareNetworkSpec, 'subnets'>): string | undefined {
  const seen: { readonly subnet: ShareNetworkSubnet; readonly network: Network }[] = [];
  for (const subnet of spec.subnets ?? []) {
    const network = parseNetwork(subnet.cidr);
    if (network === undefined) return `subnet ${subnet.name}: cidr "${subnet.cidr}" is not a network in CIDR notation`;
    const problem = subnetProblem(subnet, network);
    if (problem !== undefined) return `subnet ${subnet.name}: ${problem}`;
    for (const other of seen) {
      if (other.subnet.availabilityZone === subnet.availabilityZone) {
        const zone =
          subnet.availabilityZone === undefined ? 'have no availabilityZone' : 'have the same availabilityZone';
        return `subnets ${other.subnet.name} and ${subnet.name} ${zone}: at most one may`;
      }
      if (overlap(other.network, network)) return `subnets ${other.subnet.name} and ${subnet.name} overlap`;
    }
    seen.push({ subnet, network });
  }
  return undefined;
}

/**
 * Tells whether the subnets that share servers use stay what they are: such a subnet can't be removed or altered, it may only
 * gain allocation ranges.
 * @param used names of subnets that share servers use
 */
export function subnetChangeAllowed(
  before: Pick<ShareNetworkSpec, 'subnets'>,
  after: Pick<ShareNetworkSpec, 'subnets'>,
  used: ReadonlySet<string>,
): SubnetChangeVerdict {
  for (const old of before.subnets ?? []) {
    if (!used.has(old.name)) continue;
    const next = after.subnets?.find(({ name }) => name === old.name);
    if (next === undefined) return inUse(old.name, 'it can not be removed');
    const field = changedField(old, next);
    if (field !== undefined) return inUse(old.name, `its ${field} can not change`);
    if (!onlyGains(old, next)) return inUse(old.name, 'its allocationRanges may only grow');
  }
  return { allowed: true };
}

/** The subnet of a network that serves a zone: the zone's own, else the one without a zone. */
export function subnetForZone(
  spec: Pick<ShareNetworkSpec, 'subnets'>,
  zone: string | undefined,
): ShareNetworkSubnet | undefined {
  const subnets = spec.subnets ?? [];
  return (
    subnets.find(({ availabilityZone }) => availabilityZone === zone) ??
    subnets.find(({ availabilityZone }) => availabilityZone === undefined)
  );
}

function subnetProblem(subnet: ShareNetworkSubnet, network: Network): string | undefined {
  if (network.hostBits) {
    const wanted = `${formatAddress({ family: network.family, value: network.first })}/${network.prefixLength}`;
    return `cidr "${subnet.cidr}" has bits beyond its prefix: the network is ${wanted}`;
  }
  if (subnet.gateway !== undefined) {
    const gateway = parseAddress(subnet.gateway);
    if (gateway === undefined) return `gateway "${subnet.gateway}" is not an address`;
    if (!contains(network, { family: gateway.family, first: gateway.value, last: gateway.value })) {
      return `gateway ${subnet.gateway} is not in ${subnet.cidr}`;
    }
  }
  return rangesProblem(subnet, network);
}

function rangesProblem(subnet: ShareNetworkSubnet, network: Network): string | undefined {
  const seen: { readonly text: string; readonly range: AddressRange }[] = [];
  for (const text of subnet.allocationRanges ?? []) {
    const range = parseRange(text);
    if (range === undefined) {
      return `allocation range "${text}" must be first-last or a CIDR without host bits, of one address family`;
    }
    if (range.first > range.last) return `allocation range ${text} ends before it begins`;
    if (!contains(network, range)) return `allocation range ${text} is not in ${subnet.cidr}`;
    const other = seen.find((candidate) => overlap(candidate.range, range));
    if (other !== undefined) return `allocation ranges ${other.text} and ${text} overlap`;
    seen.push({ text, range });
  }
  return undefined;
}

const fixedFields = ['availabilityZone', 'networkType', 'segmentationID', 'cidr', 'gateway', 'mtu'] as const;

function changedField(old: ShareNetworkSubnet, next: ShareNetworkSubnet): string | undefined {
  return fixedFields.find((field) => old[field] !== next[field]);
}

/** Compared as addresses: a range may be written anew or joined with its neighbour. */
function onlyGains(old: ShareNetworkSubnet, next: ShareNetworkSubnet): boolean {
  const after = mergeRanges(rangesOf(next));
  return mergeRanges(rangesOf(old)).every((range) => after.some((wider) => contains(wider, range)));
}

function rangesOf(subnet: ShareNetworkSubnet): readonly AddressRange[] {
  return (subnet.allocationRanges ?? [subnet.cidr]).flatMap((text) => parseRange(text) ?? []);
}

function inUse(name: string, what: string): SubnetChangeVerdict {
  return { allowed: false, reason: 'SubnetInUse', message: `subnet ${name} is used by share servers: ${what}` };
}
