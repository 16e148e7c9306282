import { describe, expect, it, onTestFinished } from 'vitest';
import { createOperatorRig, reconcileContext } from '../../../test/faults/operator-rig.ts';
import { findCondition } from '../../api/v1alpha1/conditions.ts';
import type { Finding } from '../../api/v1alpha1/finding.ts';
import * as labels from '../../api/v1alpha1/labels.ts';
import type { ShareNetwork, ShareNetworkStatus } from '../../api/v1alpha1/share-network.ts';
import { type Kind, type PhaseReset, Reconciler } from './frame.ts';
import { checkpoint, type Pass } from './pass.ts';
import { pause } from './pause.ts';
import { done, type Phase, passOver, requeueAfter, stalled, stop, wait } from './step.ts';

type Scope = Pass<ShareNetwork>;

const key = { namespace: 'team-a', name: 'net' };
const path = '/apis/sharenet.io/v1alpha1/namespaces/team-a/sharenetworks/net';
const finding: Finding = { reason: 'ShareServerNotActive', message: 'waits until share server s is active' };

/** An operator that has one network, and reconcilers of it with the given parts. */
async function rigWith(metadata: Partial<ShareNetwork['metadata']> = {}, status: ShareNetworkStatus = {}) {
  const rig = await createOperatorRig();
  onTestFinished(() => rig[Symbol.asyncDispose]());
  const informer = rig.operator.informers.shareNetworks;
  const network = rig.store(informer, {
    metadata: { ...key, generation: 3, finalizers: [labels.finalizer], ...metadata },
    spec: {},
    status,
  });
  const reconcilerWith = (parts: Partial<Kind<ShareNetwork, Scope>>) =>
    new Reconciler<ShareNetwork, Scope>(rig.operator, {
      name: 'sharenetwork',
      informer,
      watches: () => undefined,
      scope: (pass) => pass,
      phases: [],
      deletion: [],
      ready: { reason: 'Available', message: 'the network can be used' },
      ...parts,
    });
  const stored = () => informer.cache.get(key);
  return {
    ...rig,
    informer,
    network,
    stored,
    reconcilerWith,
    run: (...phases: Phase<Scope>[]) => reconcilerWith({ phases }).reconcile(reconcileContext(key)),
    conditions: () => stored()?.status?.conditions?.map(({ type, status, reason }) => `${type}=${status} ${reason}`),
  };
}

describe('a reconcile pass', () => {
  it('adds the finalizer before any phase runs', async () => {
    const { run, requests } = await rigWith({ finalizers: [] });
    await run(() => {
      throw new Error('a phase ran');
    });
    expect(requests()).toEqual([`PATCH ${path}`]);
  });

  it('leaves an object alone that is being deleted without the finalizer', async () => {
    const { reconcilerWith, requests } = await rigWith({
      finalizers: ['other/one'],
      deletionTimestamp: '2026-01-01T00:00:00Z',
    });
    const fail = () => {
      throw new Error('a phase ran');
    };
    await reconcilerWith({ phases: [fail], deletion: [fail] }).reconcile(reconcileContext(key));
    expect(requests()).toEqual([]);
  });

  it.each([
    ['done', done, ['Ready=True Available']],
    ['wait', wait(finding), ['Ready=False ShareServerNotActive', 'Reconciling=True ShareServerNotActive']],
    ['stalled', stalled(finding), ['Ready=False ShareServerNotActive', 'Stalled=True ShareServerNotActive']],
  ])('says what its phases came to, in one write (%s)', async (_name, step, expected) => {
    const { run, conditions, stored, requests } = await rigWith();
    await run(({ draft }) => {
      draft.set({ phase: 'active' });
      return step;
    });
    expect(conditions()).toEqual(expected);
    expect(stored()?.status).toMatchObject({ phase: 'active', observedGeneration: 3 });
    expect(requests()).toEqual([`PUT ${path}/status`]);
  });

  it('writes what the draft says where a phase stops, without another readiness', async () => {
    const { run, stored } = await rigWith();
    expect(await run(({ draft }) => draft.set({ phase: 'active' }) && stop(40))).toEqual({ requeueAfterMs: 40 });
    expect(stored()?.status).toMatchObject({ phase: 'active' });
    expect(stored()?.status?.observedGeneration).toBeUndefined();
    expect(stored()?.status?.conditions).toBeUndefined();
  });

  it('writes nothing where a phase says that all is stored, or throws', async () => {
    const { run, requests } = await rigWith();
    expect(await run(({ draft }) => draft.set({ phase: 'active' }) && passOver(40))).toEqual({ requeueAfterMs: 40 });
    const failing: Phase<Scope> = ({ draft }) => {
      draft.set({ phase: 'active' });
      throw new Error('no answer');
    };
    await expect(run(failing)).rejects.toThrow('no answer');
    expect(requests()).toEqual([]);
  });

  it('writes nothing where nothing changed', async () => {
    const { run, requests } = await rigWith();
    await run(() => requeueAfter(10));
    await run(() => requeueAfter(10));
    expect(requests()).toHaveLength(1);
  });

  it('leaves the write to the next pass where a newer version is known', async () => {
    const { run, store, informer, network, requests } = await rigWith();
    await run(() => {
      store(informer, { ...network, spec: { securityServices: [] } });
      return done;
    });
    expect(requests()).toEqual([]);
  });

  it('sends events with the write that they tell of, and then calls the kind', async () => {
    const { reconcilerWith, events, stored } = await rigWith();
    const event = {
      type: 'Normal',
      reason: 'NetworkChangeStarted',
      action: 'ChangeSecurityServices',
      note: '',
    } as const;
    const seen: unknown[] = [];
    const reconciler = reconcilerWith({
      phases: [
        ({ events: pending }) => {
          pending.push(event);
          expect(events).toEqual([]);
          return done;
        },
      ],
      stored: () => void seen.push(stored()?.status?.observedGeneration),
    });
    await reconciler.reconcile(reconcileContext(key));
    expect(events).toEqual([event]);
    expect(seen).toEqual([3]);
  });
});

describe('a deletion', () => {
  const deletionTimestamp = '2026-01-01T00:00:00Z';

  it('runs the phases of the deletion only, and says nothing of readiness where they are done', async () => {
    const { reconcilerWith, stored } = await rigWith({ deletionTimestamp });
    const reconciler = reconcilerWith({
      phases: [() => stalled(finding)],
      deletion: [({ draft }) => draft.setCondition('DeletionBlocked', 'True', 'SharesExist', '') && done],
    });
    await reconciler.reconcile(reconcileContext(key));
    expect(stored()?.status?.conditions?.map(({ type }) => type)).toEqual(['DeletionBlocked']);
  });

  it.each(['before', 'during'])('has the kind forget an object that was deleted %s a pass', async (when) => {
    const { reconcilerWith, informer, network } = await rigWith();
    const remembered = new Set<string | undefined>();
    const reconciler = reconcilerWith({
      phases: [
        ({ draft }) => {
          if (when === 'during') informer.cache.observeAbsence(network, '9999');
          remembered.add(draft.object.metadata.uid);
          return done;
        },
      ],
      forget: ({ metadata }) => void remembered.delete(metadata.uid),
    });
    await reconciler.reconcile(reconcileContext(key));
    expect([...remembered]).toEqual([network.metadata.uid]);
    if (when === 'before') informer.cache.observeAbsence(network, '9999');
    await reconciler.reconcile(reconcileContext(key));
    expect([...remembered]).toEqual([]);
  });
});

describe('a phase that an administrator wrote', () => {
  it('is recorded and told, and nothing else is decided in the pass', async () => {
    const { reconcilerWith, stored, events } = await rigWith({}, { phase: 'active', recordedPhase: 'error' });
    const resets: PhaseReset[] = [];
    const reconciler = reconcilerWith({
      phases: [() => stalled(finding)],
      reset: ({ draft }, reset) => {
        resets.push(reset);
        draft.setCondition('SecurityServicesUpToDate', 'Unknown', 'StatusReset', '');
      },
    });
    await reconciler.reconcile(reconcileContext(key));
    expect(resets).toEqual([{ from: 'error', to: 'active' }]);
    expect(stored()?.status).toMatchObject({ phase: 'active', recordedPhase: 'active' });
    expect(stored()?.status?.conditions?.map(({ reason }) => reason)).toEqual(['StatusReset']);
    expect(events.map(({ note }) => note)).toEqual(['phase was set from error to active by an unknown field manager']);
  });
});

describe('the phase that respects a pause', () => {
  it('ends the pass of a paused object', async () => {
    const { run, conditions } = await rigWith({ annotations: { [labels.paused]: 'true' } });
    await run(pause, () => {
      throw new Error('a phase ran');
    });
    expect(conditions()).toEqual(['Ready=False Paused', 'Reconciling=True Paused']);
  });

  it('lets others through', async () => {
    const { run, conditions } = await rigWith();
    await run(pause);
    expect(conditions()).toEqual(['Ready=True Available']);
  });
});

describe('a checkpoint', () => {
  it('stores the draft, which continues on the stored version, and sends its events', async () => {
    const { run, stored, requests, events } = await rigWith();
    const event = {
      type: 'Normal',
      reason: 'NetworkChangeStarted',
      action: 'ChangeSecurityServices',
      note: '',
    } as const;
    await run(async (scope) => {
      scope.draft.set({ phase: 'network_change' });
      scope.events.push(event);
      const fresh = await checkpoint(scope, (pass: Scope) => pass);
      expect(stored()?.status?.phase).toBe('network_change');
      expect(events).toEqual([event]);
      fresh.draft.set({ phase: 'active' });
      return done;
    });
    expect(stored()?.status?.phase).toBe('active');
    expect(findCondition(stored()?.status?.conditions, 'Ready')?.status).toBe('True');
    expect(requests()).toEqual([`PUT ${path}/status`, `PUT ${path}/status`]);
    expect(events).toEqual([event]);
  });
});
