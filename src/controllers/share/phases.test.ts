import { describe, expect, it, onTestFinished } from 'vitest';
import { createOperatorRig, reconcileContext, showTenantAndBackend } from '../../../test/faults/operator-rig.ts';
import * as labels from '../../api/v1alpha1/labels.ts';
import type { Share, ShareStatus } from '../../api/v1alpha1/share.ts';
import { createDriverRig } from '../../drivers/dummy/driver-rig.ts';
import { DriverError } from '../../drivers/errors.ts';
import { RefusedWrite } from '../../runtime/api-error.ts';
import type { ControllerOptions, Reconcile } from '../../runtime/controller.ts';
import { shareReconciler } from './reconciler.ts';
import type { ShareOperator } from './scope.ts';

const key = { namespace: 'team-a', name: 'one' };
const available: ShareStatus = { phase: 'available', identifier: 'share-1', backendName: 'b', size: '2Gi' };
const refusedSize = {
  operation: 'shrinkShare',
  reason: 'ShareShrinkingPossibleDataLoss',
  message: 'it holds more',
  generation: 1,
};
const creating = { id: 'create/1', name: 'createShare', startedTime: '2026-01-01T00:00:00Z' };
const paused = { annotations: { [labels.paused]: 'true' } };
const requested = { annotations: { [labels.reconcileRequestedAt]: 'now' } };

/** An operator with one share of 1Gi, on a backend whose driver fails with the given error. */
async function rigWith(status: ShareStatus, metadata: Partial<Share['metadata']> = {}) {
  const rig = await createOperatorRig();
  const storage = await createDriverRig();
  onTestFinished(async () => {
    await rig[Symbol.asyncDispose]();
    await storage.cleanup();
  });
  const { operator } = rig;
  const informer = operator.informers.shares;
  let error: DriverError | undefined;
  const calls: string[] = [];
  const call = async <R>(operation: string, result: R): Promise<R> => {
    calls.push(operation);
    if (error !== undefined) throw error;
    return result;
  };
  const dummy = storage.open();
  await operator.instances.replace(
    'b',
    {
      ...dummy,
      getCapabilities: (context) => dummy.getCapabilities(context),
      close: () => dummy.close(),
      createShare: () => call('createShare', { identifier: 'share-1', exportLocations: [] }),
      shrinkShare: () => call('shrinkShare', {}),
      deleteShare: () => call('deleteShare', {}),
    },
    0,
  );
  showTenantAndBackend(operator, { namespace: 'team-a', namespaceUID: 'uid-team-a' });
  for (const backend of operator.informers.storageBackends.cache.list()) {
    rig.store(operator.informers.storageBackends, backend);
  }
  const show = (changes: Partial<Share['metadata']> = {}, next = informer.cache.get(key)?.status ?? status) =>
    rig.store(informer, {
      metadata: { ...key, generation: 1, finalizers: [labels.finalizer], ...metadata, ...changes },
      spec: { protocol: 'NFS', size: '1Gi' },
      status: next,
    });
  show();
  const reconciler = shareReconciler(operator);
  const stored = () => informer.cache.get(key)?.status;
  return {
    ...rig,
    calls,
    stored,
    show,
    fail: (kind: 'Rejected' | 'Unavailable', reason: string) => {
      error = new DriverError({ kind, reason, message: 'no' });
    },
    run: () => reconciler.reconcile(reconcileContext(key)),
    writes: () => rig.requests().filter((request) => request.startsWith('PUT')).length,
    conditions: () => stored()?.conditions?.map(({ type, status: value, reason }) => `${type}=${value} ${reason}`),
  };
}

/** The reconcile function with which the reconciler is registered. */
function registered(operator: ShareOperator): Reconcile {
  const found: Reconcile[] = [];
  const controller = ({ name, reconcile }: ControllerOptions) => {
    found.push(reconcile);
    return { name, enqueue: () => undefined, watch: () => undefined };
  };
  shareReconciler(operator).register({ controller }, 1);
  const [reconcile] = found;
  if (reconcile === undefined) throw new Error('not registered');
  return reconcile;
}

describe('the creation of a share', () => {
  it('is called after its operation is stored, and is stored in one more write', async () => {
    const { run, calls, stored, conditions, writes } = await rigWith({ backendName: 'b', operation: creating });
    await run();
    expect(calls).toEqual(['createShare']);
    expect(stored()).toMatchObject({ phase: 'available', identifier: 'share-1', size: '1Gi' });
    expect(stored()?.operation).toBeUndefined();
    expect(conditions()).toEqual(['Ready=True Available']);
    expect(writes()).toBe(1);
  });

  it('that is refused is not tried again, whatever was shown meanwhile, until a user requests it', async () => {
    const { run, fail, show, calls, stored, conditions } = await rigWith({ backendName: 'b', operation: creating });
    fail('Rejected', 'NameTaken');
    await run();
    expect(stored()).toMatchObject({ phase: 'error', lastError: { operation: 'createShare', reason: 'NameTaken' } });
    show(paused);
    await run();
    expect(conditions()).toEqual(['Ready=False Paused', 'Reconciling=True Paused']);
    show();
    await run();
    expect(conditions()).toEqual(['Ready=False NameTaken', 'Stalled=True NameTaken']);
    expect(calls).toEqual(['createShare']);
    show(requested);
    await run();
    expect(calls).toEqual(['createShare', 'createShare']);
    expect(stored()?.lastHandledReconcileAt).toBe('now');
  });

  it('is tried again for a spec that changed while the share was paused', async () => {
    const { run, fail, show, calls } = await rigWith({ backendName: 'b', operation: creating });
    fail('Rejected', 'NameTaken');
    await run();
    show({ ...paused, generation: 2 });
    await run();
    show({ generation: 2 });
    await run();
    expect(calls).toEqual(['createShare', 'createShare']);
  });
});

describe('a share', () => {
  it('shrinks to the size of its spec', async () => {
    const { run, calls, stored, conditions } = await rigWith(available);
    await run();
    expect(calls).toEqual(['shrinkShare']);
    expect(stored()).toMatchObject({ phase: 'available', size: '1Gi' });
    expect(conditions()).toEqual(['Ready=True Available']);
  });

  it('whose size is refused is not resized again after a pause, but for another spec', async () => {
    const { run, fail, show, calls, stored, conditions } = await rigWith(available);
    fail('Rejected', refusedSize.reason);
    await run();
    expect(stored()).toMatchObject({ phase: 'available', size: '2Gi', lastError: { ...refusedSize, message: 'no' } });
    show(paused);
    await run();
    show();
    await run();
    expect(conditions()).toEqual([`Ready=False ${refusedSize.reason}`, `Stalled=True ${refusedSize.reason}`]);
    expect(calls).toEqual(['shrinkShare']);
    show({ generation: 2 });
    await run();
    expect(calls).toEqual(['shrinkShare', 'shrinkShare']);
  });

  it('that has the size of its spec again is available, and nothing is refused any more', async () => {
    const { run, stored, conditions, calls } = await rigWith({ ...available, size: '1Gi', lastError: refusedSize });
    await run();
    expect(stored()?.lastError).toBeUndefined();
    expect(conditions()).toEqual(['Ready=True Available']);
    expect(calls).toEqual([]);
  });

  it('that is lost says so again after a pause', async () => {
    const { run, show, conditions } = await rigWith({ ...available, phase: 'error' }, paused);
    await run();
    show({ annotations: {} });
    await run();
    expect(conditions()).toEqual(['Ready=False ShareLost', 'Stalled=True ShareLost']);
  });
});

describe('the deletion of a share', () => {
  const deletionTimestamp = '2026-01-01T00:00:00Z';

  it('asks no driver about a share that was not placed', async () => {
    const { run, calls, stored } = await rigWith({}, { deletionTimestamp });
    await run();
    expect(stored()).toBeUndefined();
    expect(calls).toEqual([]);
  });

  it('waits until access is revoked', async () => {
    const { run, operator, store, conditions, calls } = await rigWith(available, { deletionTimestamp });
    store(operator.informers.shareAccesses, {
      metadata: { namespace: 'team-a', name: 'rule', finalizers: [labels.finalizer] },
      spec: { shareName: 'one', accessType: 'ip', accessTo: '10.0.0.1' },
      status: { phase: 'active', accessLevel: 'rw' },
    });
    await run();
    expect(conditions()).toEqual([
      'DeletionBlocked=True AccessRulesExist',
      'Ready=False AccessRulesExist',
      'Reconciling=True AccessRulesExist',
    ]);
    expect(calls).toEqual([]);
  });

  it('shows its last failure until a call succeeds, in one write however often it is tried', async () => {
    const { run, fail, stored, conditions, calls, writes } = await rigWith(available, { deletionTimestamp });
    fail('Rejected', 'ShareInUse');
    await expect(run()).rejects.toThrow('no');
    const shown = ['Ready=False ShareInUse', 'Reconciling=True ShareInUse', 'DeletionBlocked=True ShareInUse'];
    expect(conditions()).toEqual(shown);
    expect(stored()).toMatchObject({ phase: 'error_deleting', lastError: { operation: 'deleteShare' } });
    const before = writes();
    await expect(run()).rejects.toThrow('no');
    expect(conditions()).toEqual(shown);
    expect(writes()).toBe(before);
    expect(calls).toEqual(['deleteShare', 'deleteShare']);
  });

  it('shows a refused write also while it tries again, without a write for each attempt', async () => {
    const { operator, server, conditions, writes } = await rigWith(available, { deletionTimestamp });
    const body = JSON.stringify({ reason: 'Forbidden', message: 'denied by a policy' });
    server.fault = ({ method }) => (method === 'PATCH' ? { status: 403, body } : undefined);
    const reconcile = registered(operator);
    await expect(reconcile(reconcileContext(key))).rejects.toBeInstanceOf(RefusedWrite);
    const shown = ['Ready=False WriteRefused', 'Stalled=True WriteRefused', 'DeletionBlocked=True WriteRefused'];
    expect(conditions()).toEqual(shown);
    const before = writes();
    await expect(reconcile(reconcileContext(key))).rejects.toBeInstanceOf(RefusedWrite);
    expect(conditions()).toEqual(shown);
    expect(writes()).toBe(before);
  });

  it('does nothing while it is paused', async () => {
    const { run, requests } = await rigWith(available, { deletionTimestamp, ...paused });
    await run();
    expect(requests()).toEqual([]);
  });
});
