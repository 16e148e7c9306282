import { expect, test } from 'vitest';
import { createOperatorRig, reconcileContext } from '../../../test/faults/operator-rig.ts';
import type { ShareServer } from '../../api/v1alpha1/share-server.ts';
import { passOf, recordsInObject } from '../reconcile/pass.ts';
import { checkWithDrivers } from './check.ts';
import { networkScope } from './network-scope.ts';

const context = reconcileContext({ namespace: 'team-a', name: 'net' });
const server: ShareServer = {
  metadata: { namespace: 'team-a', name: 'net-1', uid: 'uid-net-1' },
  spec: { backendName: 'b', shareNetworkName: 'net', subnetName: 'default' },
};

test('a namespace that is not known yet is waited for, and is no fault of the driver', async () => {
  await using rig = await createOperatorRig();
  const network = { metadata: { namespace: 'team-a', name: 'net', uid: 'uid-net' }, spec: {} };
  const plan = {
    changes: [],
    removed: [],
    unresolved: [],
    wanted: true,
    association: [],
    silent: undefined,
  };
  const { client, informers } = rig.operator;
  const pass = passOf(rig.operator, context, network, recordsInObject(client, informers.shareNetworks));
  const verdict = await checkWithDrivers(networkScope(pass), { plan, participants: [server] }, new Map());
  expect(verdict).toMatchObject({
    kind: 'unavailable',
    error: { reason: 'NamespaceNotKnown', message: 'namespace team-a is not known to the operator yet' },
  });
});
