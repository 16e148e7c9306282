import { expect, onTestFinished, test } from 'vitest';
import { createOperatorRig, reconcileContext } from '../../../test/faults/operator-rig.ts';
import * as labels from '../../api/v1alpha1/labels.ts';
import type { StorageBackend } from '../../api/v1alpha1/storage-backend.ts';
import type { Capabilities, DriverModule } from '../../drivers/driver.ts';
import { DriverError } from '../../drivers/errors.ts';
import { driverModules } from '../../drivers/registry.ts';
import { recordsInBackends } from './backend-records.ts';
import { storageBackendReconciler } from './reconciler.ts';

const key = { name: 'b' };
const path = '/apis/sharenet.io/v1alpha1/storagebackends/b';
const unanswered = () => {
  throw new DriverError({ kind: 'Unavailable', reason: 'Away', message: 'the storage is away' });
};

/** An operator with one backend, whose driver passes its capabilities through `answer`. */
async function rigWith(parts: { readonly metadata?: object; readonly inUse?: boolean } = {}) {
  const rig = await createOperatorRig();
  onTestFinished(() => rig[Symbol.asyncDispose]());
  const { operator } = rig;
  const { storageBackends, shareServers } = operator.informers;
  const probing = {
    probes: 0,
    answer: async (capabilities: Capabilities): Promise<Capabilities> => capabilities,
  };
  const dummyDriver = driverModules.get('dummy');
  if (dummyDriver === undefined) throw new Error('there is no dummy driver');
  const module: DriverModule = {
    ...dummyDriver,
    createDriver: (options) => {
      const driver = dummyDriver.createDriver(options);
      return Object.assign(Object.create(driver), {
        getCapabilities: async (...args: Parameters<typeof driver.getCapabilities>) => {
          probing.probes += 1;
          return await probing.answer(await driver.getCapabilities(...args));
        },
        close: () => driver.close(),
      });
    },
  };
  const metadata = { ...key, generation: 1, finalizers: [labels.finalizer], ...parts.metadata };
  rig.store(storageBackends, { metadata, spec: { driver: 'dummy', dummy: {} } });
  if (parts.inUse === true) {
    const spec = { backendName: 'b', shareNetworkName: 'net', subnetName: 'default' };
    rig.store(shareServers, { metadata: { namespace: 'team-a', name: 'net-1' }, spec });
  }
  const stored = (): StorageBackend | undefined => storageBackends.cache.get(key);
  const edit = (changes: Pick<StorageBackend, 'spec'> | Pick<StorageBackend, 'metadata'>): void => {
    const before = stored();
    if (before === undefined) throw new Error('the backend is not in the cache');
    rig.store(storageBackends, {
      ...before,
      ...changes,
      metadata: {
        ...before.metadata,
        generation: (before.metadata.generation ?? 0) + 1,
        ...('metadata' in changes ? changes.metadata : {}),
      },
    });
  };
  const reconciler = storageBackendReconciler(
    operator,
    new Map([['dummy', module]]),
    recordsInBackends(operator.client, storageBackends),
  );
  return {
    ...rig,
    probing,
    stored,
    edit,
    run: () => reconciler.reconcile(reconcileContext(key)),
    conditions: () => stored()?.status?.conditions?.map(({ type, status, reason }) => `${type}=${status} ${reason}`),
  };
}

test('a backend is probed, its capabilities are stored in one write, and nothing is done until the next probe is due', async () => {
  const { run, probing, stored, conditions, requests, clock } = await rigWith();
  expect(await run()).toEqual({ requeueAfterMs: 60_000 });
  expect(conditions()).toEqual(['Ready=True Available']);
  expect(stored()?.status).toMatchObject({ observedGeneration: 1, capabilities: { driverHandlesShareServers: true } });
  expect(requests()).toEqual([`PUT ${path}/status`]);
  await clock.advance(20_000);
  expect(await run()).toEqual({ requeueAfterMs: 40_000 });
  expect([probing.probes, requests().length]).toEqual([1, 1]);
  await clock.advance(40_000);
  await run();
  expect([probing.probes, requests().length]).toEqual([2, 1]);
});

test('a probe that fails suspends driver calls, and one that succeeds resumes them', async () => {
  const { run, probing, stored, conditions, operator, clock } = await rigWith();
  await run();
  probing.answer = unanswered;
  await clock.advance(60_000);
  expect(await run()).toEqual({ requeueAfterMs: 10_000 });
  expect(conditions()).toEqual(expect.arrayContaining(['Ready=False Away', 'CallsSuspended=True CallsSuspended']));
  expect([stored()?.status?.callsSuspended, operator.calls.circuits.isOpen('b')]).toEqual([true, true]);
  probing.answer = async (capabilities) => capabilities;
  await clock.advance(10_000);
  await run();
  expect(conditions()).toEqual(['Ready=True Available']);
  expect([stored()?.status?.callsSuspended, operator.calls.circuits.isOpen('b')]).toEqual([undefined, false]);
});

test('a paused backend is not probed, and its calls are resumed', async () => {
  const { run, probing, stored, conditions, clock, edit } = await rigWith();
  probing.answer = unanswered;
  await run();
  expect(stored()?.status?.callsSuspended).toBe(true);
  edit({ metadata: { name: 'b', annotations: { [labels.paused]: 'true' } } });
  await clock.advance(60_000);
  expect(await run()).toBeUndefined();
  expect(conditions()).toEqual(['Ready=False Paused', 'Reconciling=True Paused']);
  expect([stored()?.status?.callsSuspended, probing.probes]).toEqual([undefined, 1]);
});

test('an answer to a former spec is not recorded, and the new one is probed at once', async () => {
  const { run, probing, stored, requests, edit } = await rigWith();
  probing.answer = async (capabilities) => {
    if (probing.probes === 1) edit({ spec: { driver: 'dummy', dummy: { accessKeys: false } } });
    return capabilities;
  };
  expect(await run()).toEqual({ requeueAfterMs: 1 });
  expect(requests()).toEqual([]);
  await run();
  expect(stored()?.status).toMatchObject({ observedGeneration: 2, capabilities: { accessKeyTypes: [] } });
});

test('an answer that could not be stored is asked for again', async () => {
  const { run, probing, stored, server, clock } = await rigWith();
  await run();
  await clock.advance(60_000);
  probing.answer = async (capabilities) => ({ ...capabilities, accessKeyTypes: ['user'] });
  server.fault = ({ method }) => (method === 'PUT' ? { status: 409 } : undefined);
  await expect(run()).rejects.toThrow();
  server.fault = () => undefined;
  await run();
  expect(probing.probes).toBe(3);
  expect(stored()?.status?.capabilities?.accessKeyTypes).toEqual(['user']);
});

test('an identity that changes in use is refused, and recorded as refused until it is back or the backend is unused', async () => {
  const { run, stored, conditions, edit } = await rigWith({ inUse: true });
  await run();
  edit({ spec: { driver: 'dummy', dummy: { stateDirectory: '/other' } } });
  await run();
  expect(conditions()).toEqual(['Ready=False IdentityFieldsImmutable', 'Stalled=True IdentityFieldsImmutable']);
  expect(stored()?.status?.refusedIdentityFields).toEqual(['stateDirectory']);
  edit({ spec: { driver: 'dummy', dummy: {} } });
  await run();
  expect([conditions(), stored()?.status?.refusedIdentityFields]).toEqual([['Ready=True Available'], undefined]);
});

test('the deletion of a backend in use is blocked while its driver is kept, and ends when nothing is on it', async () => {
  const { run, conditions, operator, server, requests } = await rigWith({
    inUse: true,
    metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' },
  });
  await run();
  expect(conditions()).toEqual(['DeletionBlocked=True BackendInUse', 'Ready=True Available']);
  expect(operator.instances.has('b')).toBe(true);
  server.remove('/apis/sharenet.io/v1alpha1/shareservers', { namespace: 'team-a', name: 'net-1' });
  const { shareServers } = operator.informers;
  const users = shareServers.cache.list();
  for (const user of users) shareServers.cache.observeAbsence(user, '999999');
  const before = requests().length;
  await run();
  expect(requests().slice(before).at(-1)).toBe(`PATCH ${path}`);
  expect(operator.instances.has('b')).toBe(false);
});
