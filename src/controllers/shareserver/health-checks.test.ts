import { expect, test } from 'vitest';
import { createOperatorRig, reconcileContext, showTenantAndBackend } from '../../../test/faults/operator-rig.ts';
import type { ShareServer } from '../../api/v1alpha1/share-server.ts';
import { callContext, createDriverRig, serverRequest } from '../../drivers/dummy/driver-rig.ts';
import { passOf, recordsInObject } from '../reconcile/pass.ts';
import { runPhases } from '../reconcile/step.ts';
import { checkHealthWhenDue, showHealth } from './health.ts';
import { serverScope } from './scope.ts';
import { ServerMemory } from './server-memory.ts';

const minute = 60_000;
const tenant = { namespace: 'team-a', namespaceUID: 'uid-team-a' };
const server: ShareServer = {
  metadata: { namespace: 'team-a', name: 'net-1', uid: 'uid-net-1', resourceVersion: '5', generation: 1 },
  spec: { backendName: 'b', shareNetworkName: 'net', subnetName: 'default' },
  status: { phase: 'active', recordedPhase: 'active', identifier: 'dummy-server-uid-net-1' },
};
const context = reconcileContext({ namespace: 'team-a', name: 'net-1' });

test('the health of an active server is checked regularly, more often while it is unhealthy, and its phase is kept', async () => {
  await using rig = await createOperatorRig();
  const storage = await createDriverRig();
  const { operator, clock } = rig;
  const driver = storage.open();
  await operator.instances.replace('b', driver, 0);
  showTenantAndBackend(operator, tenant);
  const memory = new ServerMemory(operator);
  const records = recordsInObject(operator.client, operator.informers.shareServers);
  let present = server;
  const check = async () => {
    const scope = serverScope(passOf(operator, context, present, records), memory);
    const step = await runPhases(scope, [checkHealthWhenDue, showHealth]);
    present = { ...present, status: scope.draft.status };
    return {
      requeueAfterMs: step.requeueAfterMs,
      reason: 'finding' in step ? step.finding.reason : step.kind,
      phase: scope.draft.status.phase,
    };
  };
  const calls = async () =>
    (await storage.calls()).filter((line) => line.operation === 'ensureServer' && line.event === 'start').length;

  expect(await check()).toMatchObject({ requeueAfterMs: 7.5 * minute, reason: 'done' });
  await clock.advance(7 * minute);
  expect(await check()).toMatchObject({ requeueAfterMs: 0.5 * minute, reason: 'done' });

  await clock.advance(minute);
  expect(await check()).toEqual({ requeueAfterMs: 0.75 * minute, reason: 'ShareServerUnhealthy', phase: 'active' });
  expect(await calls()).toBe(1);

  await driver.setupServer(serverRequest('net-1'), callContext({ tenant }));
  await clock.advance(minute);
  expect(await check()).toEqual({ requeueAfterMs: 7.5 * minute, reason: 'done', phase: 'active' });
  expect(await calls()).toBe(2);
  await storage.cleanup();
});
