import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../test/faults/manual-clock.ts';
import { CredentialTrials } from './trials.ts';

const never = new AbortController().signal;
const minute = 60_000;

function setUp() {
  const clock = new ManualClock();
  const trials = new CredentialTrials(clock);
  const order: string[] = [];
  const begin = async (holder: string, credentials = ['ad']): Promise<void> => {
    await trials.begin(credentials, holder, never, minute);
    order.push(holder);
  };
  return { clock, trials, order, begin };
}

describe('credentials that no directory has accepted', () => {
  it('are tried by one call at a time, until a directory accepts them', async () => {
    const { clock, trials, order, begin } = setUp();
    await begin('a');
    const others = Promise.all([begin('b'), begin('c'), begin('d')]);
    await clock.advance(1000);
    expect(order).toEqual(['a']);
    trials.end(['ad'], 'a', 'unknown');
    await clock.advance(0);
    expect(order).toHaveLength(2);
    trials.end(['ad'], order[1] ?? '', 'accepted');
    await others;
    expect(order.toSorted()).toEqual(['a', 'b', 'c', 'd']);
    // After 30 s they no longer count as accepted.
    for (const holder of ['c', 'd']) trials.end(['ad'], holder, 'unknown');
    await clock.advance(30_000);
    await begin('e');
    const late = begin('f');
    await clock.advance(1000);
    expect(order.at(-1)).toBe('e');
    trials.end(['ad'], 'e', 'accepted');
    await late;
  });

  it('stay with a call whose work is unfinished until it ends, and become free when it never continues', async () => {
    const { clock, trials, order, begin } = setUp();
    await begin('a');
    trials.end(['ad'], 'a', { continuesInMs: 2000 });
    const other = begin('b');
    await clock.advance(2000);
    await begin('a');
    expect(order).toEqual(['a', 'a']);
    trials.end(['ad'], 'a', { continuesInMs: 2000 });
    await clock.advance(32_000);
    await other;
    expect(order).toEqual(['a', 'a', 'b']);
  });

  it('are waited for all at once, so that no two calls wait for each other', async () => {
    const { clock, trials, order, begin } = setUp();
    await begin('a', ['old']);
    const both = begin('b', ['new', 'old']);
    await begin('c', ['new']);
    trials.end(['old'], 'a', 'accepted');
    await clock.advance(0);
    expect(order).toEqual(['a', 'c']);
    trials.end(['new'], 'c', 'unknown');
    await both;
  });

  it('that do not become free in time fail the call as Unavailable', async () => {
    const { clock, begin } = setUp();
    await begin('a');
    const late = expect(begin('b')).rejects.toMatchObject({ kind: 'Unavailable', reason: 'OperationRunning' });
    await clock.advance(minute);
    await late;
    expect(clock.pending).toBe(0);
  });
});
