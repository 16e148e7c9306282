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
import { ShareMemories } from './memory.ts';
import { examineAndRecover, isRecoveryDue } from './recovery.ts';
import { AccessScope } from './scope.ts';

const name = { namespace: 'team-a', name: 'share' };
const context = reconcileContext(name);
const tenant = { namespace: 'team-a', namespaceUID: 'uid-team-a' };
const size = 2 ** 30;

let rig: OperatorRig;
let storage: DriverRig;
/** What happens while the driver examines the share. */
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

test('a handled request lifts the refusal of a size in the same write', async () => {
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
  const memories = new ShareMemories();
  expect(isDue(memories, share)).toBe(true);
  await run(memories);
  const after = await rig.operator.client.get(shares, name);
  expect(after.status).toMatchObject({ lastHandledReconcileAt: 'again', phase: 'available', size: '1Gi' });
  expect(after.status?.lastError).toBeUndefined();
  expect(after.status?.conditions?.map(({ type, status, reason: told }) => [type, status, told])).toEqual([
    ['Ready', 'False', 'Resizing'],
    ['Reconciling', 'True', 'Resizing'],
  ]);
  expect(isDue(memories, after)).toBe(false);
});

test('a change of the backend while a share is examined causes another examination', async () => {
  const share = present();
  const memories = new ShareMemories();
  expect(isDue(memories, share)).toBe(false);
  memories.of(share).examineSoon = true;
  meanwhile = () => {
    memories.of(share).examineSoon = true;
  };
  await run(memories);
  expect(isDue(memories, share)).toBe(true);
  meanwhile = () => undefined;
  await run(memories);
  expect(isDue(memories, share)).toBe(false);
});

test('an examination that failed is repeated', async () => {
  const share = present();
  const memories = new ShareMemories();
  memories.of(share).examineSoon = true;
  meanwhile = () => {
    throw new DriverError({ kind: 'Unavailable', reason: 'Away', message: 'the storage is away' });
  };
  await expect(run(memories)).rejects.toThrow('the storage is away');
  expect(isDue(memories, share)).toBe(true);
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
  // A dry run is accepted, so that the driver is called.
  const failing: typeof server.fault = ({ method, path, query }) =>
    method === 'POST' && path.endsWith('/secrets') && !query.has('dryRun') ? { status: 403 } : undefined;
  server.fault = failing;
  const crashed = new ShareMemories();
  crashed.of(present()).examineSoon = true;
  reapplyAccess = true;
  await expect(run(crashed)).rejects.toThrow();
  expect(present().status?.operation).toMatchObject({ name: 'updateAccess' });

  server.fault = () => undefined;
  reapplyAccess = false;
  // A write that was refused a moment ago is not repeated at once; the next process does not know of it.
  await rig.clock.advance(1000);
  const next = new ShareMemories();
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

function scopeOf(memories: ShareMemories, share: Share): AccessScope {
  return new AccessScope(rig.operator, context, memories.of(share), share);
}

function isDue(memories: ShareMemories, share: Share): boolean {
  return isRecoveryDue(scopeOf(memories, share));
}

async function run(memories: ShareMemories): Promise<void> {
  const lease = await rig.operator.calls.acquire({ backendName: 'b', tenant }, context.signal, 10_000);
  try {
    await examineAndRecover(scopeOf(memories, present()), lease);
  } finally {
    lease.release();
  }
}
