import { describe, expect, it } from 'vitest';
import { createOperatorRig } from '../../../test/faults/operator-rig.ts';
import type { Share, ShareStatus } from '../../api/v1alpha1/share.ts';
import { isConflict } from '../../runtime/api-error.ts';
import type { Readiness } from './readiness.ts';
import { StatusDraft } from './status-draft.ts';

const noon = new Date('2026-01-01T12:00:00.900Z');
const later = new Date('2026-01-01T13:00:00Z');

function share(status?: ShareStatus): Share {
  return {
    metadata: { name: 's', namespace: 'tenant', uid: 'uid-1', resourceVersion: '1', generation: 3 },
    spec: { protocol: 'NFS', size: '1Gi' },
    ...(status === undefined ? {} : { status }),
  };
}

function draftOf(object: Share, now = noon) {
  return new StatusDraft(object, now);
}

const ready: Readiness = { state: 'ready', reason: 'Available', message: 'the share can be mounted' };
const working: Readiness = { state: 'working', reason: 'Creating', message: 'being made' };
const stalled: Readiness = { state: 'stalled', reason: 'ShareLost', message: 'it is gone' };

function typesOf(status: ShareStatus): readonly string[] {
  return (status.conditions ?? []).map(({ type, status: holds, reason }) => `${type}=${holds} ${reason}`);
}

describe('StatusDraft', () => {
  it.each([
    ['ready', [ready], ['Ready=True Available']],
    ['working', [working], ['Ready=False Creating', 'Reconciling=True Creating']],
    ['stalled', [stalled], ['Ready=False ShareLost', 'Stalled=True ShareLost']],
    ['first working, then stalled', [working, stalled], ['Ready=False ShareLost', 'Stalled=True ShareLost']],
    ['first stalled, then ready', [stalled, ready], ['Ready=True Available']],
    ['first stalled, then working', [stalled, working], ['Ready=False Creating', 'Reconciling=True Creating']],
  ])('says without contradiction that an object is %s', (_what, standings, expected) => {
    const draft = draftOf(share());
    for (const readiness of standings) draft.setReadiness(readiness);
    expect(typesOf(draft.status)).toEqual(expected);
    expect(draft.status.observedGeneration).toBe(3);
    expect(draft.status.conditions?.every(({ observedGeneration }) => observedGeneration === 3)).toBe(true);
  });

  it('stores the object that is waited for as long as it is', () => {
    const subject = { kind: 'ShareNetwork', name: 'net' };
    const waiting = draftOf(share()).setReadiness({ ...working, subject }).status;
    expect(waiting.waitingFor).toEqual(subject);
    expect(draftOf(share(waiting)).setReadiness({ ...working, subject }).changed).toBe(false);
    expect(draftOf(share(waiting)).setReadiness(ready).status).not.toHaveProperty('waitingFor');
  });

  it('moves lastTransitionTime, in whole seconds, only when the status of a condition does', () => {
    const first = draftOf(share()).setReadiness(working).status;
    expect(first.conditions?.[0]?.lastTransitionTime).toBe('2026-01-01T12:00:00Z');
    const other = draftOf(share(first), later).setReadiness({
      ...working,
      reason: 'BackendBusy',
      message: 'else',
    }).status;
    expect(other.conditions?.map(({ lastTransitionTime }) => lastTransitionTime)).toEqual([
      '2026-01-01T12:00:00Z',
      '2026-01-01T12:00:00Z',
    ]);
    const done = draftOf(share(other), later).setReadiness(ready).status;
    expect(done.conditions?.[0]?.lastTransitionTime).toBe('2026-01-01T13:00:00Z');
  });

  it('is unchanged when the same is said again, also in another order or at another time', () => {
    const status = draftOf(share()).set({ phase: 'available', identifier: 'i' }).setReadiness(ready).status;
    const again = draftOf(share(status), later)
      .setReadiness(ready)
      .set({ identifier: 'i' })
      .set({ phase: 'available' });
    expect(again.changed).toBe(false);
    expect(draftOf(share()).changed).toBe(false);
    expect(draftOf(share()).removeCondition('Stalled').set({ operation: undefined }).changed).toBe(false);
    expect(draftOf(share(status)).set({ identifier: undefined }).changed).toBe(true);
    expect(draftOf(share(status)).set({ identifier: undefined }).set({ identifier: 'i' }).changed).toBe(false);
  });

  it('is unchanged when something else was said before, in the same pass', () => {
    const status = draftOf(share()).setReadiness(stalled).status;
    const again = draftOf(share(status), later).setReadiness(ready).setReadiness(stalled);
    expect(again.status).toEqual(status);
    expect(again.changed).toBe(false);
    expect(
      draftOf(share(status), later).setReadiness(stalled).setReadiness(ready).condition('Ready')?.lastTransitionTime,
    ).toBe('2026-01-01T13:00:00Z');
  });

  it('lets nothing into a condition that the API server would refuse', () => {
    const draft = draftOf(share()).setCondition('Warning', 'True', 'DriverWarning', `a\u0000b${'x'.repeat(2000)}`);
    const condition = draft.condition('Warning');
    expect(condition?.message).toMatch(/^a bx+…$/);
    expect(condition?.message).toHaveLength(1024);
  });

  it('writes once and only what differs, guarded by the version it was worked out from, and shows the cache', async () => {
    await using rig = await createOperatorRig();
    const { client, informers } = rig.operator;
    const stored = rig.server.put('/apis/sharenet.io/v1alpha1/shares', share());
    const object: Share = { ...share(), metadata: stored.metadata };

    expect(await draftOf(object).write(client, informers.shares)).toBe(object);
    expect(rig.requests()).toEqual([]);

    const written = await draftOf(object).setReadiness(ready).write(client, informers.shares);
    expect(rig.requests()).toEqual(['PUT /apis/sharenet.io/v1alpha1/namespaces/tenant/shares/s/status']);
    expect(informers.shares.cache.get({ namespace: 'tenant', name: 's' })?.metadata.resourceVersion).toBe(
      written.metadata.resourceVersion,
    );
    expect(draftOf(written, later).setReadiness(ready).changed).toBe(false);

    const stale = draftOf(object).setReadiness(stalled).write(client, informers.shares);
    await expect(stale).rejects.toSatisfy(isConflict);
  });
});
