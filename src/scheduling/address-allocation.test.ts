import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ShareNetworkSubnet } from '../api/v1alpha1/share-network.ts';
import { formatAddress, parseAddress, parseNetwork, parseRange } from '../values/ip-address.ts';
import { type AllocationResult, allocateAddresses, canonicalAddress, segmentKey } from './address-allocation.ts';

type Subnet = Partial<ShareNetworkSubnet> & Pick<ShareNetworkSubnet, 'cidr'>;

function allocate(subnet: Subnet, count: number, used: Iterable<string> = []): AllocationResult {
  return allocateAddresses({ subnet: { name: 'sub', networkType: 'flat', ...subnet }, count, used: new Set(used) });
}

const value = (text: string): bigint => parseAddress(text)?.value ?? -1n;

describe('allocation', () => {
  const cases: [string, Subnet, number, string[], string[]][] = [
    ['the lowest first', { cidr: '10.0.0.0/24' }, 3, [], ['10.0.0.1', '10.0.0.2', '10.0.0.3']],
    ['not the gateway', { cidr: '10.0.0.0/24', gateway: '10.0.0.1' }, 2, [], ['10.0.0.2', '10.0.0.3']],
    ['not what is used', { cidr: '10.0.0.0/24' }, 2, ['10.0.0.1', '10.0.0.3'], ['10.0.0.2', '10.0.0.4']],
    ['from a range', { cidr: '10.0.0.0/24', allocationRanges: ['10.0.0.50-10.0.0.60'] }, 1, [], ['10.0.0.50']],
    [
      'from all ranges in rising order',
      { cidr: '10.0.0.0/24', allocationRanges: ['10.0.0.9-10.0.0.9', '10.0.0.4/31'] },
      3,
      [],
      ['10.0.0.4', '10.0.0.5', '10.0.0.9'],
    ],
    [
      'each address once from ranges that overlap',
      { cidr: '10.0.0.0/24', allocationRanges: ['10.0.0.4-10.0.0.6', '10.0.0.5-10.0.0.7'] },
      4,
      [],
      ['10.0.0.4', '10.0.0.5', '10.0.0.6', '10.0.0.7'],
    ],
    [
      'not the network address of a range from the start',
      { cidr: '10.0.0.0/24', allocationRanges: ['10.0.0.0/30'] },
      3,
      [],
      ['10.0.0.1', '10.0.0.2', '10.0.0.3'],
    ],
    ['IPv6', { cidr: '2001:db8::/64', gateway: '2001:DB8:0::1' }, 2, ['2001:db8::2'], ['2001:db8::3', '2001:db8::4']],
    ['none', { cidr: '10.0.0.0/24' }, 0, [], []],
  ];
  it.each(cases)('gives %s', (_, subnet, count, used, addresses) => {
    expect(allocate(subnet, count, used)).toEqual({ addresses });
  });

  it.each<[string, Subnet, number, string[]]>([
    ['all is used', { cidr: '10.0.0.0/30' }, 1, ['10.0.0.1', '10.0.0.2']],
    ['only some are left', { cidr: '10.0.0.0/30' }, 3, []],
    [
      'a single address is the gateway',
      { cidr: '10.0.0.0/24', gateway: '10.0.0.9', allocationRanges: ['10.0.0.9-10.0.0.9'] },
      1,
      [],
    ],
    [
      'the range holds only the broadcast address',
      { cidr: '10.0.0.0/24', allocationRanges: ['10.0.0.255-10.0.0.255'] },
      1,
      [],
    ],
    ['the network has no room', { cidr: '10.0.0.4/32' }, 1, []],
    ['the ranges are empty', { cidr: '10.0.0.0/24', allocationRanges: [] }, 1, []],
    ['the cidr can not be read', { cidr: 'x' }, 1, []],
  ])('is exhausted when %s', (_, subnet, count, used) => {
    expect(allocate(subnet, count, used)).toMatchObject({ exhausted: true, message: expect.stringContaining('sub') });
  });

  /** Small subnets of both families with a gateway, ranges and used addresses somewhere in them, as offsets. */
  const scenario = fc
    .record({
      family: fc.constantFrom(4, 6),
      hostBits: fc.integer({ min: 2, max: 7 }),
      gateway: fc.option(fc.nat(127)),
      ranges: fc.option(fc.array(fc.tuple(fc.nat(127), fc.nat(127)), { minLength: 1, maxLength: 4 })),
      used: fc.array(fc.nat(127), { maxLength: 80 }),
      count: fc.integer({ min: 1, max: 8 }),
    })
    .map(({ family, hostBits, gateway, ranges, used, count }) => {
      const base = family === 4 ? '10.1.2.0' : '2001:db8:1::';
      const size = 2 ** hostBits;
      const at = (offset: number): string =>
        formatAddress({ family: family === 4 ? 4 : 6, value: value(base) + BigInt(offset % size) });
      const subnet: Subnet = {
        cidr: `${base}/${(family === 4 ? 32 : 128) - hostBits}`,
        ...(gateway !== null && { gateway: at(gateway) }),
        ...(ranges !== null && {
          allocationRanges: ranges.map((ends) => {
            const [first = 0, last = 0] = ends.map((end) => end % size).sort((left, right) => left - right);
            return `${at(first)}-${at(last)}`;
          }),
        }),
      };
      const all = Array.from({ length: size }, (_, offset) => at(offset));
      return { subnet, used: new Set(used.map(at)), count, all };
    });

  it('gives unique free addresses from the ranges, never gateway, network or broadcast, and all that there are', () => {
    fc.assert(
      fc.property(scenario, ({ subnet, used, count, all }) => {
        const ranges = (subnet.allocationRanges ?? [subnet.cidr]).map((text) => parseRange(text));
        const free = all.filter(
          (address, offset) =>
            offset !== 0 &&
            offset !== all.length - 1 &&
            address !== subnet.gateway &&
            !used.has(address) &&
            ranges.some(
              (range) => range !== undefined && range.first <= value(address) && value(address) <= range.last,
            ),
        );
        const result = allocate(subnet, count, used);
        if (free.length < count) expect(result).toMatchObject({ exhausted: true });
        else expect(result).toEqual({ addresses: free.slice(0, count) });
      }),
    );
  });

  it('hands a subnet out one by one until it is exhausted, each address once', () => {
    fc.assert(
      fc.property(scenario, ({ subnet, used, all }) => {
        const given = new Set(used);
        for (let round = 0; round <= all.length; round += 1) {
          const result = allocate(subnet, 1, given);
          if (result.exhausted) return;
          const [address = ''] = result.addresses;
          expect(given).not.toContain(address);
          given.add(address);
        }
        expect.unreachable('never exhausted');
      }),
    );
  });

  it('does not depend on the order of the ranges', () => {
    fc.assert(
      fc.property(scenario, ({ subnet, used, count }) => {
        const turned = subnet.allocationRanges && { allocationRanges: subnet.allocationRanges.toReversed() };
        expect(allocate({ ...subnet, ...turned }, count, used)).toEqual(allocate(subnet, count, used));
      }),
    );
  });

  it('does not walk through big networks', { timeout: 2000 }, () => {
    const used = Array.from({ length: 2000 }, (_, index) => canonicalAddress(`2001:db8::${(index + 1).toString(16)}`));
    expect(allocate({ cidr: '2001:db8::/32' }, 1, used)).toEqual({ addresses: ['2001:db8::7d1'] });
    expect(allocate({ cidr: '::/0', allocationRanges: ['8000::-ffff::'] }, 2)).toEqual({
      addresses: ['8000::', '8000::1'],
    });
    expect(allocate({ cidr: '0.0.0.0/0' }, 1)).toEqual({ addresses: ['0.0.0.1'] });
  });

  it('stays inside the subnet it was told', () => {
    const network = parseNetwork('10.0.0.0/29');
    const result = allocate({ cidr: '10.0.0.0/29' }, 6);
    expect(result.addresses?.every((address) => value(address) <= (network?.last ?? 0n))).toBe(true);
  });
});

describe('the segment', () => {
  it('is the network type with its id, whatever the subnet', () => {
    expect(segmentKey({ networkType: 'flat' })).toBe('flat');
    expect(segmentKey({ networkType: 'vlan', segmentationID: 0 })).toBe('vlan/0');
    expect(segmentKey({ networkType: 'vlan', segmentationID: 12 })).not.toBe(
      segmentKey({ networkType: 'vxlan', segmentationID: 12 }),
    );
  });
});

describe('a canonical address', () => {
  it.each([
    ['10.0.0.1', '10.0.0.1'],
    ['2001:DB8:0:0::1', '2001:db8::1'],
    ['not an address', 'not an address'],
    ['010.0.0.1', '010.0.0.1'],
  ])('of %s is %s', (text, canonical) => {
    expect(canonicalAddress(text)).toBe(canonical);
  });
});
