import { describe, expect, it } from 'vitest';
import { createOperatorRig, reconcileContext } from '../../../test/faults/operator-rig.ts';
import { findCondition } from '../../api/v1alpha1/conditions.ts';
import type { Share } from '../../api/v1alpha1/share.ts';
import { RefusedWrite } from '../../runtime/api-error.ts';
import type { ReconcileResult } from '../../runtime/controller.ts';
import { nameOf } from '../../runtime/kube-object.ts';
import { reportingRefusals } from './report-refusal.ts';
import { draftOf } from './status-draft.ts';

const collection = '/apis/sharenet.io/v1alpha1/shares';

async function setUp() {
  const rig = await createOperatorRig();
  const { operator, server } = rig;
  const { shares } = operator.informers;
  const spec = { protocol: 'CEPHFS', size: '1Gi' } as const;
  const stored = server.put(collection, { metadata: { namespace: 'a', name: 'one', generation: 1 }, spec } as Share);
  shares.cache.observe(stored as unknown as Share);
  const present = (): Share => {
    const share = shares.cache.get({ namespace: 'a', name: 'one' });
    if (share === undefined) throw new Error('the share is gone');
    return share;
  };
  let isRefused = true;
  server.fault = ({ method, path }) =>
    isRefused && method === 'PATCH' && !path.endsWith('/status')
      ? { status: 403, body: JSON.stringify({ reason: 'Forbidden', message: 'exceeded quota: small' }) }
      : undefined;
  /** A pass as reconcilers have them: it says what it begins, then makes a write that is refused. */
  const pass = reportingRefusals(operator, 'share', shares, async (): Promise<ReconcileResult | undefined> => {
    const draft = draftOf(operator, present()).setReadiness({
      state: 'working',
      reason: 'Creating',
      message: 'begins',
    });
    await draft.write(operator.client, shares);
    const done = { metadata: { labels: { done: 'true' } } };
    shares.cache.observe(await operator.client.mergePatch(shares.type, nameOf(present()), done));
    return undefined;
  });
  const run = () => pass(reconcileContext({ namespace: 'a', name: 'one' }));
  const ready = () => findCondition(present().status?.conditions, 'Ready');
  return {
    ...rig,
    run,
    ready,
    present,
    accept: () => {
      isRefused = false;
    },
  };
}

describe('a pass whose write is refused', () => {
  it('shows it once, with an event, and writes nothing more while it is repeated', async () => {
    const { run, ready, present, events, server } = await setUp();
    await expect(run()).rejects.toBeInstanceOf(RefusedWrite);
    expect(ready()).toMatchObject({ status: 'False', reason: 'WriteRefused' });
    expect(ready()?.message).toContain('exceeded quota: small. The administrator of the namespace');
    expect(findCondition(present().status?.conditions, 'Stalled')?.reason).toBe('WriteRefused');
    expect(events).toMatchObject([{ type: 'Warning', reason: 'WriteRefused' }]);
    const { resourceVersion } = present().metadata;
    const before = server.requests.length;
    await expect(run()).rejects.toBeInstanceOf(RefusedWrite);
    expect(present().metadata.resourceVersion).toBe(resourceVersion);
    expect(server.requests).toHaveLength(before + 1);
    expect(events).toHaveLength(1);
  });

  it('says how it is when the write was accepted, in the next pass', async () => {
    const { run, ready, accept } = await setUp();
    await expect(run()).rejects.toBeInstanceOf(RefusedWrite);
    accept();
    expect(await run()).toEqual({ requeueAfterMs: 1 });
    expect(await run()).toBeUndefined();
    expect(ready()).toMatchObject({ reason: 'Creating' });
  });
});
