import { describe, expect, it } from 'vitest';
import { createOperatorRig, type OperatorRig, reconcileContext } from '../../../test/faults/operator-rig.ts';
import type { ShareNetworkSubnet } from '../../api/v1alpha1/share-network.ts';
import type { ShareServer } from '../../api/v1alpha1/share-server.ts';
import { nameOf } from '../../runtime/kube-object.ts';
import { passOf, recordsInObject } from '../reconcile/pass.ts';
import { serverScope } from './scope.ts';
import { allocate } from './server-addresses.ts';
import { ServerMemory } from './server-memory.ts';

const subnet: ShareNetworkSubnet = { name: 'one', networkType: 'vlan', segmentationID: 100, cidr: '10.0.0.0/24' };
/** Overlaps the first: an older version may have accepted such an edit. */
const overlapping: ShareNetworkSubnet = { ...subnet, name: 'two' };
const elsewhere: ShareNetworkSubnet = { ...subnet, name: 'three', segmentationID: 200 };

interface ServerOptions {
  readonly namespace?: string;
  readonly network?: string;
  readonly backend?: string;
  readonly subnetName?: string;
  readonly addresses?: readonly string[];
}

function server(name: string, options: ServerOptions = {}): ShareServer {
  const { namespace = 'a', network = 'net', backend = 'b', subnetName = 'one', addresses } = options;
  return {
    metadata: { namespace, name, uid: `uid-${namespace}-${name}`, resourceVersion: '1' },
    spec: { backendName: backend, shareNetworkName: network, subnetName },
    status:
      addresses === undefined
        ? {}
        : { networkAllocations: addresses.map((ipAddress) => ({ subnetName, ipAddress })), identifier: name },
  };
}

function show({ operator }: OperatorRig, ...servers: readonly ShareServer[]): void {
  const { shareNetworks, shareServers } = operator.informers;
  for (const [namespace, name, subnets] of [
    ['a', 'net', [subnet, overlapping]],
    ['a', 'other', [subnet, elsewhere]],
    ['z', 'net', [subnet, elsewhere]],
  ] as const) {
    shareNetworks.cache.observe({
      metadata: { namespace, name, uid: `uid-${namespace}-${name}`, resourceVersion: '1' },
      spec: { subnets },
    });
  }
  for (const one of servers) shareServers.cache.observe(one);
}

function scopeFor({ operator }: OperatorRig, asking: ShareServer, memory = new ServerMemory(operator)) {
  const records = recordsInObject(operator.client, operator.informers.shareServers);
  return serverScope(passOf(operator, reconcileContext(nameOf(asking)), asking, records), memory);
}

function addressesFor(rig: OperatorRig, asking: ShareServer, memory = new ServerMemory(rig.operator), count = 1) {
  show(rig, asking);
  const result = allocate(scopeFor(rig, asking, memory), count);
  return 'exhausted' in result ? result.message : result.addresses.map(({ ipAddress }) => ipAddress);
}

describe('the addresses of a share server', () => {
  it.each<[string, ServerOptions, string]>([
    ['of its network and backend', {}, '10.0.0.2'],
    ['of its network on another backend', { backend: 'c' }, '10.0.0.2'],
    ['of its network in another subnet that overlaps its own', { subnetName: 'two', backend: 'c' }, '10.0.0.2'],
    ['of another network on the same segment of its backend', { network: 'other' }, '10.0.0.2'],
    ['of another namespace on the same segment of its backend', { namespace: 'z' }, '10.0.0.2'],
    ['of another network on another segment', { network: 'other', subnetName: 'three' }, '10.0.0.1'],
    ['of another network on another backend', { network: 'other', backend: 'c' }, '10.0.0.1'],
    [
      'of a network of that name in another namespace, on another backend',
      { namespace: 'z', backend: 'c' },
      '10.0.0.1',
    ],
  ])('beside a server %s', async (_, options, expected) => {
    await using rig = await createOperatorRig();
    show(rig, server('holder', { addresses: ['10.0.0.1'], ...options }));
    expect(addressesFor(rig, server('asking'))).toEqual([expected]);

    // The same when they are reserved but not stored yet.
    await using fresh = await createOperatorRig();
    const memory = new ServerMemory(fresh.operator);
    expect(addressesFor(fresh, server('holder', options), memory)).toEqual(['10.0.0.1']);
    const asking = server('asking');
    expect(addressesFor(fresh, asking, memory)).toEqual([expected]);
    // A server that asks again keeps its own.
    expect(addressesFor(fresh, asking, memory)).toEqual([expected]);
    memory.addresses.release('uid-a-holder');
    memory.addresses.release('uid-z-holder');
    expect(addressesFor(fresh, asking, memory)).toEqual(['10.0.0.1']);
  });

  it('beside a server of a network that is gone, on its backend: its segment is not known', async () => {
    await using rig = await createOperatorRig();
    show(rig, server('holder', { network: 'gone', addresses: ['10.0.0.1'] }));
    expect(addressesFor(rig, server('asking'))).toEqual(['10.0.0.2']);
  });

  it('stay as they are stored, even if an older version gave two servers the same', async () => {
    await using rig = await createOperatorRig();
    const twins = ['b', 'c'].map((backend) => server(`on-${backend}`, { backend, addresses: ['10.0.0.1'] }));
    show(rig, ...twins);
    for (const twin of twins) expect(addressesFor(rig, twin)).toEqual(['10.0.0.1']);
    expect(addressesFor(rig, server('asking', { backend: 'd' }))).toEqual(['10.0.0.2']);
  });

  it('need one lookup for each address that is tried, however many servers there are', async () => {
    await using rig = await createOperatorRig();
    const holders = Array.from({ length: 500 }, (_, index) =>
      server(`s${index}`, { network: 'other', addresses: [`10.0.${1 + (index >> 8)}.${index & 255}`] }),
    );
    show(rig, ...holders, server('first', { addresses: ['10.0.0.1'] }));
    const scope = scopeFor(rig, server('asking'));
    const { cache } = rig.operator.informers.shareServers;
    const looks: string[] = [];
    const byIndex = cache.byIndex.bind(cache);
    cache.byIndex = (index, key) => {
      looks.push(`${index} ${key}`);
      return byIndex(index, key);
    };
    cache.list = () => expect.unreachable('all servers were read');
    expect(allocate(scope, 1)).toMatchObject({ addresses: [{ ipAddress: '10.0.0.2' }] });
    expect(looks).toEqual(['byAddress 10.0.0.1', 'byAddress 10.0.0.2']);
  });
});
