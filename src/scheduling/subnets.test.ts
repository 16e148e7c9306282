import { describe, expect, it } from 'vitest';
import type { ShareNetworkSubnet } from '../api/v1alpha1/share-network.ts';
import type { GivenSubnet, ShareServer, ShareServerStatus } from '../api/v1alpha1/share-server.ts';
import { subnetForZone, subnetProblem, usedSubnetProblem, validateSubnets } from './subnets.ts';

function subnet(name: string, changes: Partial<GivenSubnet> = {}): GivenSubnet {
  return { name, networkType: 'flat', cidr: '10.0.0.0/24', ...changes };
}

/** A share server that was given a subnet. */
function user(given: GivenSubnet, name = 'server-1'): ShareServer {
  return server(given.name, { phase: 'active', subnet: given }, name);
}

function server(subnetName: string, status: ShareServerStatus, name = 'server-1'): ShareServer {
  return { metadata: { name }, spec: { backendName: 'backend', shareNetworkName: 'net', subnetName }, status };
}

describe('subnets', () => {
  const valid: [string, ShareNetworkSubnet[]][] = [
    ['none', []],
    [
      'one with everything',
      [
        subnet('a', {
          gateway: '10.0.0.1',
          allocationRanges: ['10.0.0.16/28', '10.0.0.10-10.0.0.15', '10.0.0.40-10.0.0.40'],
        }),
      ],
    ],
    [
      'one for each zone and one for the rest',
      [
        subnet('a'),
        subnet('b', { availabilityZone: 'z1', cidr: '10.0.1.0/24' }),
        subnet('c', { availabilityZone: 'z2', cidr: '2001:db8::/64' }),
      ],
    ],
    [
      'IPv6',
      [
        subnet('a', {
          cidr: '2001:db8::/64',
          gateway: '2001:DB8::1',
          allocationRanges: ['2001:db8::10-2001:db8::ffff'],
        }),
      ],
    ],
  ];
  it.each(valid)('pass: %s', (_, subnets) => {
    expect(validateSubnets({ subnets })).toBeUndefined();
  });

  const invalid: [ShareNetworkSubnet[], string][] = [
    [[subnet('a', { cidr: '10.0.0.0' })], 'subnet a: cidr "10.0.0.0" is not a network'],
    [[subnet('a', { cidr: '10.0.0.0/33' })], 'is not a network'],
    [[subnet('a', { cidr: '10.0.0.1/24' })], 'the network is 10.0.0.0/24'],
    [[subnet('a', { gateway: 'x' })], 'gateway "x" is not an address'],
    [[subnet('a', { gateway: '10.0.1.1' })], 'gateway 10.0.1.1 is not in 10.0.0.0/24'],
    [[subnet('a', { gateway: '::1' })], 'gateway ::1 is not in'],
    [[subnet('a', { allocationRanges: ['10.0.0.9'] })], 'must be first-last or a CIDR'],
    [[subnet('a', { allocationRanges: ['10.0.0.9/30'] })], 'must be first-last or a CIDR'],
    [[subnet('a', { allocationRanges: ['10.0.0.9-::1'] })], 'of one address family'],
    [[subnet('a', { allocationRanges: ['10.0.0.9-10.0.0.8'] })], 'ends before it begins'],
    [[subnet('a', { allocationRanges: ['10.0.0.100-10.0.0.99'] })], 'ends before it begins'],
    [[subnet('a', { allocationRanges: ['10.0.0.250-10.0.1.5'] })], 'is not in 10.0.0.0/24'],
    [[subnet('a', { allocationRanges: ['::1-::2'] })], 'is not in 10.0.0.0/24'],
    [
      [subnet('a', { allocationRanges: ['10.0.0.1-10.0.0.9', '10.0.0.9-10.0.0.12'] })],
      'allocation ranges 10.0.0.1-10.0.0.9 and 10.0.0.9-10.0.0.12 overlap',
    ],
    [[subnet('a', { allocationRanges: ['10.0.0.20-10.0.0.21', '10.0.0.16/28'] })], 'overlap'],
    [[subnet('a'), subnet('b', { cidr: '10.0.1.0/24' })], 'subnets a and b have no availabilityZone'],
    [
      [subnet('a', { availabilityZone: 'z' }), subnet('b', { availabilityZone: 'z', cidr: '10.0.1.0/24' })],
      'have the same availabilityZone',
    ],
    [[subnet('a'), subnet('b', { availabilityZone: 'z', cidr: '10.0.0.128/25' })], 'subnets a and b overlap'],
  ];
  it.each(invalid)('%j: %s', (subnets, because) => {
    expect(validateSubnets({ subnets })).toContain(because);
  });
});

describe('a subnet that share servers use', () => {
  const before = subnet('a', {
    availabilityZone: 'z',
    segmentationID: 7,
    gateway: '10.0.0.1',
    mtu: 1500,
    allocationRanges: ['10.0.0.10-10.0.0.19'],
  });
  const allowed: [string, ShareNetworkSubnet[]][] = [
    ['stay', [before]],
    ['be joined by others', [subnet('b', { cidr: '10.0.1.0/24' }), before]],
    ['gain a range', [{ ...before, allocationRanges: ['10.0.0.10-10.0.0.19', '10.0.0.30-10.0.0.39'] }]],
    ['have its range widened', [{ ...before, allocationRanges: ['10.0.0.5-10.0.0.25'] }]],
    [
      'have its range written as two',
      [{ ...before, allocationRanges: ['10.0.0.15-10.0.0.19', '10.0.0.10-10.0.0.14'] }],
    ],
    [
      'open its whole network',
      [subnet('a', { availabilityZone: 'z', segmentationID: 7, gateway: '10.0.0.1', mtu: 1500 })],
    ],
  ];
  it.each(allowed)('may %s', (_, subnets) => {
    expect(usedSubnetProblem({ subnets }, [user(before)])).toBeUndefined();
  });

  const refused: [string, ShareNetworkSubnet[], string][] = [
    ['be removed', [], 'removed'],
    ['be renamed', [{ ...before, name: 'b' }], 'removed'],
    ['move to another network', [{ ...before, cidr: '10.0.0.0/23' }], 'cidr'],
    ['move to another zone', [{ ...before, availabilityZone: 'y' }], 'availabilityZone'],
    ['change its type', [{ ...before, networkType: 'vlan' }], 'networkType'],
    ['change its id', [{ ...before, segmentationID: 8 }], 'segmentationID'],
    ['change its gateway', [{ ...before, gateway: '10.0.0.2' }], 'gateway'],
    ['change its mtu', [{ ...before, mtu: 9000 }], 'mtu'],
    ['lose a part of its range', [{ ...before, allocationRanges: ['10.0.0.11-10.0.0.19'] }], 'allocationRanges'],
    [
      'get a hole in its range',
      [{ ...before, allocationRanges: ['10.0.0.10-10.0.0.14', '10.0.0.16-10.0.0.19'] }],
      'allocationRanges',
    ],
    ['lose all ranges', [{ ...before, allocationRanges: [] }], 'allocationRanges'],
  ];
  it.each(refused)('may not %s', (_, subnets, because) => {
    const problem = usedSubnetProblem({ subnets }, [user(before)]);
    expect(problem).toMatch(/^subnet a is used by share servers server-1: /);
    expect(problem).toContain(because);
  });

  it('may not be limited to ranges when it had none', () => {
    const after = { subnets: [subnet('a', { allocationRanges: ['10.0.0.10-10.0.0.19'] })] };
    expect(usedSubnetProblem(after, [user(subnet('a'))])).toContain('allocationRanges');
    const whole = { subnets: [subnet('a', { allocationRanges: ['10.0.0.0/25', '10.0.0.128/25'] })] };
    expect(usedSubnetProblem(whole, [user(subnet('a'))])).toBeUndefined();
  });

  it('is the only one that is held', () => {
    const other = subnet('b', { cidr: '10.0.1.0/24' });
    expect(usedSubnetProblem({ subnets: [other] }, [user(other)])).toBeUndefined();
    expect(usedSubnetProblem({ subnets: [] }, [])).toBeUndefined();
  });

  it('is held as each server was given it, and all its servers are named', () => {
    const wider = { ...before, allocationRanges: ['10.0.0.10-10.0.0.29'] };
    const servers = [user(wider, 'server-2'), user(before)];
    expect(usedSubnetProblem({ subnets: [wider] }, servers)).toBeUndefined();
    expect(usedSubnetProblem({ subnets: [before] }, servers)).toBe(
      'subnet a is used by share servers server-1, server-2: its allocationRanges may only grow',
    );
  });

  it('only has to be there for a server that was given nothing yet', () => {
    const creating = server('a', { phase: 'creating' });
    expect(usedSubnetProblem({ subnets: [{ ...before, cidr: '10.0.1.0/24' }] }, [creating])).toBeUndefined();
    expect(usedSubnetProblem({ subnets: [] }, [creating])).toContain('it can not be removed');
  });

  it('has to hold the addresses of a server whose subnet was not recorded', () => {
    const old = server('a', { networkAllocations: [{ subnetName: 'a', ipAddress: '10.0.0.10' }] });
    expect(usedSubnetProblem({ subnets: [before] }, [old])).toBeUndefined();
    expect(usedSubnetProblem({ subnets: [subnet('a', { cidr: '10.0.1.0/24' })] }, [old])).toContain(
      'its cidr must hold their address 10.0.0.10',
    );
  });

  it('is judged after the subnets by themselves', () => {
    const invalid = { subnets: [subnet('a', { cidr: '10.0.1.0' })] };
    expect(subnetProblem(invalid, [user(before)])).toMatchObject({ reason: 'SubnetInvalid' });
    expect(subnetProblem({ subnets: [] }, [user(before)])).toMatchObject({ reason: 'SubnetInUse' });
    expect(subnetProblem({ subnets: [before] }, [user(before)])).toBeUndefined();
  });
});

describe('the subnet of a zone', () => {
  const subnets = [subnet('rest'), subnet('one', { availabilityZone: 'z1' })];
  it.each([
    ['z1', 'one'],
    ['z2', 'rest'],
    [undefined, 'rest'],
  ])('%s is %s', (zone, name) => {
    expect(subnetForZone({ subnets }, zone)?.name).toBe(name);
    expect(subnetForZone({ subnets: subnets.toReversed() }, zone)?.name).toBe(name);
  });

  it('is none when no subnet serves it', () => {
    expect(subnetForZone({ subnets: [subnet('one', { availabilityZone: 'z1' })] }, 'z2')).toBeUndefined();
    expect(subnetForZone({ subnets: [subnet('one', { availabilityZone: 'z1' })] }, undefined)).toBeUndefined();
    expect(subnetForZone({}, 'z1')).toBeUndefined();
  });
});
