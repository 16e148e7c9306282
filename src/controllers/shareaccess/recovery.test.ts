import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  createOperatorRig,
  type OperatorRig,
  reconcileContext,
  showTenantAndBackend,
} from '../../../test/faults/operator-rig.ts';
import type { BackendCapabilities } from '../../api/v1alpha1/backend-capabilities.ts';
import * as labels from '../../api/v1alpha1/labels.ts';
import { shares } from '../../api/v1alpha1/resource-types.ts';
import type { Share } from '../../api/v1alpha1/share.ts';
import { callContext, createDriverRig, type DriverRig } from '../../drivers/dummy/driver-rig.ts';
import { DriverError } from '../../drivers/errors.ts';
import { Recovery } from './recovery.ts';
import { accessScope, planOf } from './scope.ts';

const name = { namespace: 'team-a', name: 'share' };
const context = reconcileContext(name);
const tenant = { namespace: 'team-a', namespaceUID: 'uid-team-a' };
const size = 2 ** 30;

let rig: OperatorRig;
let storage: DriverRig;
/** What happens while the driver looks at the share. */
let meanwhile: () => void;
/** Whether the driver asks for a recovery. */
let reapplyAccess: boolean;

beforeEach(async () => {
  rig = await createOperatorRig();
  storage = await createDriverRig();
  meanwhile = () => undefined;
  reapplyAccess = false;
  const driver = storage.open({ driverHandlesShareServers: false });
  const { operator, server } = rig;
  const { metadata } = server.put('/apis/sharenet.io/v1alpha1/shares', shareWith());
  await driver.createShare(
    { share: { id: metadata.uid ?? '', name: 'share', protocol: 'CEPHFS', size, exportLocations: [] } },
    callContext({ tenant }),
  );
  const watched = Object.assign(Object.create(driver), {
    updateAccess: driver.updateAccess.bind(driver),
    ensureShare: async (...args: Parameters<NonNullable<typeof driver.ensureShare>>) => {
      meanwhile();
      return { ...(await driver.ensureShare?.(...args)), reapplyAccess };
    },
  });
  await operator.instances.replace('b', watched, 0);
  showTenantAndBackend(operator, tenant);
  operator.informers.shares.cache.observe(await operator.client.get(shares, name));
});

afterEach(async () => {
  await rig[Symbol.asyncDispose]();
  await storage.cleanup();
});

test('a token that is handled lifts the refusal of a size in the same write', async () => {
  const message = 'it holds more';
  const reason = 'ShareShrinkingPossibleDataLoss';
  const share = await become({
    ...shareWith(),
    metadata: { ...name, generation: 3, annotations: { [labels.reconcileRequestedAt]: 'again' } },
    spec: { protocol: 'CEPHFS', size: '512Mi' },
    status: {
      ...shareWith().status,
      observedGeneration: 3,
      lastError: { operation: 'shrinkShare', reason, message, generation: 3 },
    },
  });
  const recovery = new Recovery(rig.operator);
  expect(isDue(recovery, share)).toBe(true);
  await run(recovery);
  const after = await rig.operator.client.get(shares, name);
  expect(after.status).toMatchObject({ lastHandledReconcileAt: 'again', phase: 'available', size: '1Gi' });
  expect(after.status?.lastError).toBeUndefined();
  expect(after.status?.conditions?.map(({ type, status, reason: told }) => [type, status, told])).toEqual([
    ['Ready', 'False', 'Resizing'],
    ['Reconciling', 'True', 'Resizing'],
  ]);
  expect(isDue(recovery, after)).toBe(false);
});

test('a change that the backend tells while a share is looked at has it looked at once more', async () => {
  const share = present();
  const recovery = new Recovery(rig.operator);
  expect(isDue(recovery, share)).toBe(false);
  recovery.examineLater([share]);
  meanwhile = () => recovery.examineLater([share]);
  await run(recovery);
  expect(isDue(recovery, share)).toBe(true);
  meanwhile = () => undefined;
  await run(recovery);
  expect(isDue(recovery, share)).toBe(false);
});

test('a look that failed is still to be taken', async () => {
  const share = present();
  const recovery = new Recovery(rig.operator);
  recovery.examineLater([share]);
  meanwhile = () => {
    throw new DriverError({ kind: 'Unavailable', reason: 'Away', message: 'the storage is away' });
  };
  await expect(run(recovery)).rejects.toThrow('the storage is away');
  expect(isDue(recovery, share)).toBe(true);
});

test('a recovery that ended before its keys were in their Secrets is repeated by the next process', async () => {
  const { operator, server } = rig;
  server.put('/apis/sharenet.io/v1alpha1/shareaccesses', {
    metadata: { namespace: 'team-a', name: 'alice', generation: 1, finalizers: [labels.finalizer] },
    ...{ spec: { shareName: 'share', accessType: 'cephx', accessTo: 'alice' } },
    ...{ status: { phase: 'active', accessLevel: 'rw', observedGeneration: 1 } },
  });
  const { cache } = operator.informers.storageBackends;
  const backend = cache.get({ name: 'b' });
  if (backend === undefined) throw new Error('the backend is not in the cache');
  const capabilities: BackendCapabilities = {
    driverHandlesShareServers: false,
    securityServiceUpdateSupport: false,
    securityServiceTypes: [],
    shareProtocols: ['CEPHFS'],
    accessTypesByProtocol: { CEPHFS: ['cephx'] },
    accessLevels: ['rw'],
    accessKeyTypes: ['cephx'],
    networkAllocationsPerServer: 0,
  };
  const metadata = { ...backend.metadata, resourceVersion: '2' };
  cache.observe({ ...backend, metadata, status: { ...backend.status, capabilities } });
  // Only tried it is accepted, so that the driver is asked.
  const failing: typeof server.fault = ({ method, path, query }) =>
    method === 'POST' && path.endsWith('/secrets') && !query.has('dryRun') ? { status: 403 } : undefined;
  server.fault = failing;
  const died = new Recovery(operator);
  died.examineLater([present()]);
  reapplyAccess = true;
  await expect(run(died)).rejects.toThrow();
  expect(present().status?.operation).toMatchObject({ name: 'updateAccess' });

  server.fault = () => undefined;
  reapplyAccess = false;
  // What was refused a moment ago rests; the next process does not know of it.
  await rig.clock.advance(1000);
  const next = new Recovery(operator);
  expect(isDue(next, present())).toBe(true);
  await run(next);
  expect(present().status?.operation).toBeUndefined();
  expect(operator.informers.accessKeys.cache.list()).toHaveLength(1);
});

function shareWith(): Share {
  return {
    metadata: { ...name, generation: 1 },
    spec: { protocol: 'CEPHFS', size: '1Gi' },
    status: { phase: 'available', backendName: 'b', identifier: 'dummy-share', size: '1Gi', observedGeneration: 1 },
  };
}

function present(): Share {
  const share = rig.operator.informers.shares.cache.get(name);
  if (share === undefined) throw new Error('the share is not in the cache');
  return share;
}

/** Stores the share as it is to be, and has the cache see it. */
async function become(share: Share): Promise<Share> {
  const { cache } = rig.operator.informers.shares;
  rig.server.put('/apis/sharenet.io/v1alpha1/shares', share);
  cache.observe(await rig.operator.client.get(shares, name));
  return present();
}

function isDue(recovery: Recovery, share: Share): boolean {
  const scope = accessScope(rig.operator, context, share);
  return recovery.isDue(scope, planOf(scope));
}

async function run(recovery: Recovery): Promise<void> {
  const { operator } = rig;
  const lease = await operator.calls.acquire({ backendName: 'b', tenant }, context.signal, 10_000);
  try {
    await recovery.run(() => accessScope(operator, context, present()), lease);
  } finally {
    lease.release();
  }
}
