import { expect, test } from 'vitest';
import { createOperatorRig, reconcileContext, showTenantAndBackend } from '../../../test/faults/operator-rig.ts';
import type { ShareServer } from '../../api/v1alpha1/share-server.ts';
import { callContext, createDriverRig, serverRequest } from '../../drivers/dummy/driver-rig.ts';
import { HealthLooks } from './examine.ts';
import { serverScope } from './scope.ts';

const minute = 60_000;
const tenant = { namespace: 'team-a', namespaceUID: 'uid-team-a' };
const server: ShareServer = {
  metadata: { namespace: 'team-a', name: 'net-1', uid: 'uid-net-1', resourceVersion: '5', generation: 1 },
  spec: { backendName: 'b', shareNetworkName: 'net', subnetName: 'default' },
  status: { phase: 'active', recordedPhase: 'active', identifier: 'dummy-server-uid-net-1' },
};
const context = reconcileContext({ namespace: 'team-a', name: 'net-1' });

test('an active server is looked at by and by, more often while it is not well, and its phase is left alone', async () => {
  await using rig = await createOperatorRig();
  const storage = await createDriverRig();
  const { operator, clock } = rig;
  const driver = storage.open();
  await operator.instances.replace('b', driver, 0);
  showTenantAndBackend(operator, tenant);
  const looks = new HealthLooks();
  let present = server;
  const look = async () => {
    const scope = serverScope(operator, context, present);
    const { requeueAfterMs } = (await looks.look(scope)) ?? {};
    present = { ...present, status: scope.draft.status };
    return { requeueAfterMs, reason: scope.draft.condition('Ready')?.reason, phase: scope.draft.status.phase };
  };
  const calls = async () =>
    (await storage.calls()).filter((line) => line.operation === 'ensureServer' && line.event === 'start').length;

  expect(await look()).toMatchObject({ requeueAfterMs: 7.5 * minute, reason: undefined });
  await clock.advance(7 * minute);
  expect(await look()).toMatchObject({ requeueAfterMs: 0.5 * minute, reason: undefined });

  await clock.advance(minute);
  expect(await look()).toEqual({ requeueAfterMs: 0.75 * minute, reason: 'ShareServerUnhealthy', phase: 'active' });
  expect(await calls()).toBe(1);

  await driver.setupServer(serverRequest('net-1'), callContext({ tenant }));
  await clock.advance(minute);
  expect(await look()).toEqual({ requeueAfterMs: 7.5 * minute, reason: 'Available', phase: 'active' });
  expect(await calls()).toBe(2);
  await storage.cleanup();
});
