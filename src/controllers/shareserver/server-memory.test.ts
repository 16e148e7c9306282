import { expect, it } from 'vitest';
import { createOperatorRig } from '../../../test/faults/operator-rig.ts';
import type { ShareServer } from '../../api/v1alpha1/share-server.ts';
import { ServerMemory } from './server-memory.ts';
import { setupKey } from './setup-call.ts';

const server: ShareServer = {
  metadata: { namespace: 'team-a', name: 'net-1', uid: 'uid-net-1', resourceVersion: '5' },
  spec: { backendName: 'b', shareNetworkName: 'net', subnetName: 'default' },
};
const other: ShareServer = { ...server, metadata: { ...server.metadata, name: 'net-2', uid: 'uid-net-2' } };

it('forgets a server that is gone, and no other', async () => {
  await using rig = await createOperatorRig();
  const { operator } = rig;
  const memory = new ServerMemory(operator);
  for (const one of [server, other]) {
    memory.progress.failed(setupKey(one), 1000, 5000);
    memory.progress.failed(`change-1/${one.metadata.uid}`, 1000, 5000);
    memory.addresses.reserve(one, [{ subnetName: 'default', ipAddress: '10.0.0.1' }]);
    operator.suspects.add(one);
  }
  memory.forget(server);
  const restMs = (key: string) => memory.progress.restMs(key);
  expect([restMs(setupKey(server)), restMs('change-1/uid-net-1')]).toEqual([0, 0]);
  expect([restMs(setupKey(other)), restMs('change-1/uid-net-2')]).toEqual([1000, 1000]);
  expect([...memory.addresses.holdersOf('10.0.0.1')]).toEqual([other]);
  expect([operator.suspects.take(server), operator.suspects.take(other)]).toEqual([false, true]);
});
