import type { Finding } from '../api/v1alpha1/finding.ts';
import type { ShareNetworkSpec, ShareNetworkSubnet } from '../api/v1alpha1/share-network.ts';
import type { ShareServer } from '../api/v1alpha1/share-server.ts';
import {
  type AddressRange,
  contains,
  formatAddress,
  type Network,
  overlap,
  parseAddress,
  parseNetwork,
  parseRange,
} from '../values/ip-address.ts';
import { nameList } from '../values/name-list.ts';
import { mergeRanges } from './address-ranges.ts';

/** What is wrong with the subnets of a network; the message names the subnet. */
export interface SubnetFinding extends Finding {
  readonly reason: 'SubnetInvalid' | 'SubnetInUse';
}

/**
 * Judges the subnets of a network: each by itself, and against what its share servers were given.
 * @param servers share servers of the network
 */
export function subnetProblem(
  spec: Pick<ShareNetworkSpec, 'subnets'>,
  servers: readonly ShareServer[],
): SubnetFinding | undefined {
  const invalid = validateSubnets(spec);
  if (invalid !== undefined) return { reason: 'SubnetInvalid', message: invalid };
  const used = usedSubnetProblem(spec, servers);
  return used === undefined ? undefined : { reason: 'SubnetInUse', message: used };
}

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
    const problem = problemWithin(subnet, network);
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
 * Judges the subnets of a network against what its share servers were given (`SubnetInUse`): a subnet that a share server uses
 * can't be removed or altered, it may only gain allocation ranges. A server that was given nothing yet only needs its subnet to
 * be there.
 * @returns one sentence about the first subnet, by name, that is not as its servers need it, undefined when all are
 */
export function usedSubnetProblem(
  spec: Pick<ShareNetworkSpec, 'subnets'>,
  servers: readonly ShareServer[],
): string | undefined {
  const users = Map.groupBy(servers, (server) => server.spec.subnetName);
  for (const name of [...users.keys()].sort()) {
    const next = spec.subnets?.find((subnet) => subnet.name === name);
    const using = users.get(name) ?? [];
    for (const server of using) {
      const problem = changeProblem(server, next);
      if (problem === undefined) continue;
      const names = nameList(using.map(({ metadata }) => metadata.name));
      return `subnet ${name} is used by share servers ${names}: ${problem}`;
    }
  }
  return undefined;
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

function problemWithin(subnet: ShareNetworkSubnet, network: Network): string | undefined {
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

/** What is wrong for a share server with the subnet that has the name of its own; none: it was removed. */
function changeProblem({ status }: ShareServer, next: ShareNetworkSubnet | undefined): string | undefined {
  if (next === undefined) return 'it can not be removed';
  const given = status?.subnet;
  if (given !== undefined) {
    const fieldOf = (subnet: ShareNetworkSubnet, name: (typeof fixedFields)[number]) =>
      subnet[name] ?? (name === 'networkType' ? 'flat' : undefined);
    const field = fixedFields.find((name) => fieldOf(given, name) !== fieldOf(next, name));
    if (field !== undefined) return `its ${field} can not change, it was ${given[field] ?? 'unset'}`;
    return onlyGains(given, next) ? undefined : 'its allocationRanges may only grow';
  }
  // Set up before what it was given was recorded.
  const network = parseNetwork(next.cidr);
  const lost = (status?.networkAllocations ?? []).find(({ subnetName, ipAddress }) => {
    const address = parseAddress(ipAddress);
    if (subnetName !== next.name || address === undefined || network === undefined) return false;
    return !contains(network, { family: address.family, first: address.value, last: address.value });
  });
  return lost === undefined ? undefined : `its cidr must hold their address ${lost.ipAddress}`;
}

/** Compared as addresses: a range may be rewritten or joined with its neighbour. */
function onlyGains(old: RangedSubnet, next: RangedSubnet): boolean {
  const after = mergeRanges(rangesOf(next));
  return mergeRanges(rangesOf(old)).every((range) => after.some((wider) => contains(wider, range)));
}

type RangedSubnet = Pick<ShareNetworkSubnet, 'cidr' | 'allocationRanges'>;

function rangesOf(subnet: RangedSubnet): readonly AddressRange[] {
  return (subnet.allocationRanges ?? [subnet.cidr]).flatMap((text) => parseRange(text) ?? []);
}
