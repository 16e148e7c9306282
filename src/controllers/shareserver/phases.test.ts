import { describe, expect, it, onTestFinished } from 'vitest';
import { createOperatorRig, reconcileContext, showTenantAndBackend } from '../../../test/faults/operator-rig.ts';
import * as labels from '../../api/v1alpha1/labels.ts';
import type { ShareServer, ShareServerStatus } from '../../api/v1alpha1/share-server.ts';
import type { ServerHealth } from '../../drivers/driver.ts';
import { createDriverRig } from '../../drivers/dummy/driver-rig.ts';
import { applyChange } from '../network-change/apply.ts';
import { shareServerReconciler } from './reconciler.ts';

const key = { namespace: 'team-a', name: 'net-1' };
const active = { phase: 'active', recordedPhase: 'active', identifier: 'sn-1' } as const;
const unhealthy = { message: 'a disk is full' };

/** An operator with one share server, on a backend whose driver reports the given health. */
async function rigWith(status: ShareServerStatus, metadata: Partial<ShareServer['metadata']> = {}) {
  const rig = await createOperatorRig();
  const storage = await createDriverRig();
  onTestFinished(async () => {
    await rig[Symbol.asyncDispose]();
    await storage.cleanup();
  });
  const { operator, clock } = rig;
  const informer = operator.informers.shareServers;
  let health: ServerHealth = { exists: true, healthy: true };
  const calls: string[] = [];
  const dummy = storage.open();
  await operator.instances.replace(
    'b',
    {
      ...dummy,
      getCapabilities: (context) => dummy.getCapabilities(context),
      close: () => dummy.close(),
      ensureServer: async () => {
        calls.push('ensureServer');
        return health;
      },
      teardownServer: async () => {
        calls.push('teardownServer');
        return {};
      },
    },
    0,
  );
  showTenantAndBackend(operator, { namespace: 'team-a', namespaceUID: 'uid-team-a' });
  const show = (changes: Partial<ShareServer['metadata']> = {}, next: ShareServerStatus = status) =>
    rig.store(informer, {
      metadata: { ...key, generation: 1, finalizers: [labels.finalizer], ...metadata, ...changes },
      spec: { backendName: 'b', shareNetworkName: 'net', subnetName: 'default' },
      status: next,
    });
  show();
  const reconciler = shareServerReconciler(operator, applyChange);
  const stored = () => informer.cache.get(key)?.status;
  return {
    ...rig,
    clock,
    calls,
    stored,
    show,
    report: (next: ServerHealth) => {
      health = next;
    },
    run: () => reconciler.reconcile(reconcileContext(key)),
    conditions: () => stored()?.conditions?.map(({ type, status: value, reason }) => `${type}=${value} ${reason}`),
  };
}

describe('a share server', () => {
  it('is available when nothing was reported of it', async () => {
    const { run, conditions, requests } = await rigWith(active);
    await run();
    expect(conditions()).toEqual(['Ready=True Available']);
    expect(requests().filter((request) => request.startsWith('PUT'))).toHaveLength(1);
  });

  it('is unhealthy again after a pause, without asking the driver', async () => {
    const { run, show, conditions, calls } = await rigWith({ ...active, unhealthy });
    await run();
    expect(conditions()).toEqual(['Ready=False ShareServerUnhealthy', 'Reconciling=True ShareServerUnhealthy']);
    show({ annotations: { [labels.paused]: 'true' } });
    await run();
    expect(conditions()).toEqual(['Ready=False Paused', 'Reconciling=True Paused']);
    show();
    await run();
    expect(conditions()).toEqual(['Ready=False ShareServerUnhealthy', 'Reconciling=True ShareServerUnhealthy']);
    expect(calls).toEqual([]);
  });

  it('is not asked for its health while its directory refuses the credentials, but on request', async () => {
    const { run, clock, show, conditions, calls, stored } = await rigWith({
      ...active,
      unhealthy: { ...unhealthy, credentialsRefused: true },
    });
    expect((await run())?.requeueAfterMs).toBe(600_000);
    await clock.advance(3_600_000);
    expect(calls).toEqual([]);
    expect(conditions()).toEqual(['Ready=False CredentialsRefused', 'Stalled=True CredentialsRefused']);
    show({ annotations: { [labels.reconcileRequestedAt]: 'now' } });
    await run();
    expect(calls).toEqual(['ensureServer']);
    expect(stored()?.unhealthy).toBeUndefined();
    expect(conditions()).toEqual(['Ready=True Available']);
  });

  it('that the storage system has lost is in error in one write, and says so from then on', async () => {
    const { run, report, conditions, stored, requests } = await rigWith(active, {
      annotations: { [labels.reconcileRequestedAt]: 'now' },
    });
    report({ exists: false, healthy: false });
    await run();
    expect(stored()).toMatchObject({ phase: 'error', recordedPhase: 'error', lastHandledReconcileAt: 'now' });
    expect(conditions()).toEqual(['Ready=False ShareServerLost', 'Stalled=True ShareServerLost']);
    await run();
    expect(requests().filter((request) => request.startsWith('PUT'))).toHaveLength(1);
  });

  it('keeps the record of a failed update when an administrator sets another phase than active', async () => {
    const failed = { ...active, phase: 'creating', recordedPhase: 'error', missedUpdate: 'Failed' } as const;
    const { run, show, stored } = await rigWith(failed);
    await run();
    expect(stored()?.missedUpdate).toBe('Failed');
    show({}, { ...failed, phase: 'active' });
    await run();
    expect(stored()?.missedUpdate).toBeUndefined();
    expect(stored()?.conditions).toMatchObject([{ type: 'SecurityServicesUpToDate', status: 'Unknown' }]);
  });

  it('waits for its network before it is set up', async () => {
    const { run, conditions, stored } = await rigWith({});
    await run();
    expect(stored()).toMatchObject({ phase: 'creating', recordedPhase: 'creating' });
    expect(conditions()).toEqual(['Ready=False ShareNetworkNotFound', 'Reconciling=True ShareNetworkNotFound']);
  });
});

describe('the deletion of a share server', () => {
  const deletionTimestamp = '2026-01-01T00:00:00Z';

  it('asks no driver about a server that was never set up', async () => {
    const { run, calls, requests, stored } = await rigWith({ phase: 'creating' }, { deletionTimestamp });
    await run();
    expect(calls).toEqual([]);
    expect(stored()).toBeUndefined();
    expect(requests()).toEqual([expect.stringContaining('PATCH')]);
  });

  it('waits for the shares on the server, which keeps serving', async () => {
    const { run, operator, store, conditions, stored, calls } = await rigWith(active, { deletionTimestamp });
    store(operator.informers.shares, {
      metadata: { namespace: 'team-a', name: 'one' },
      spec: { protocol: 'NFS', size: '1Gi', shareNetworkName: 'net' },
      status: { shareServerName: 'net-1' },
    });
    await run();
    expect(stored()?.phase).toBe('active');
    expect(conditions()).toEqual(['DeletionBlocked=True SharesExist', 'Ready=True Available']);
    expect(calls).toEqual([]);
  });

  it('never tears down a server with retained shares', async () => {
    const status = { ...active, retainedShares: ['share-1'] };
    const { run, conditions, calls } = await rigWith(status, { deletionTimestamp });
    await run();
    expect(conditions()).toEqual(['DeletionBlocked=True RetainedShares']);
    expect(calls).toEqual([]);
  });

  it('does nothing while it is paused', async () => {
    const { run, calls, requests } = await rigWith(active, {
      deletionTimestamp,
      annotations: { [labels.paused]: 'true' },
    });
    await run();
    expect(calls).toEqual([]);
    expect(requests()).toEqual([]);
  });
});
