import { describe, expect, test } from 'vitest';
import { ManualClock } from '../../../test/faults/manual-clock.ts';
import { CallProgress } from './call-progress.ts';

describe('progress of driver calls', () => {
  function progress() {
    const clock = new ManualClock();
    return { clock, calls: new CallProgress({ clock, random: () => 0.99 }) };
  }

  test('time runs from the first call, not before', async () => {
    const { clock, calls } = progress();
    expect(calls.leftMs('op', 1000)).toBe(Number.POSITIVE_INFINITY);
    // The backend had no driver, or another call was running: that was no call.
    calls.failed('op', undefined, 60_000);
    expect(calls.leftMs('op', 1000)).toBe(Number.POSITIVE_INFINITY);
    calls.begin('op');
    await clock.advance(400);
    calls.begin('op');
    expect(calls.leftMs('op', 1000)).toBe(600);
    await clock.advance(700);
    expect(calls.leftMs('op', 1000)).toBe(0);
    calls.ended('op');
    expect(calls.leftMs('op', 1000)).toBe(Number.POSITIVE_INFINITY);
  });

  test('pauses grow with each failure, follow the driver, and end with the time that is left', async () => {
    const { clock, calls } = progress();
    const first = calls.failed('op', undefined, 60_000);
    const second = calls.failed('op', undefined, 60_000);
    expect(second).toBeGreaterThan(first * 1.5);
    expect(calls.failed('op', 5000, 60_000)).toBe(5000);
    expect(calls.restMs('op')).toBe(5000);
    await clock.advance(4000);
    expect(calls.restMs('op')).toBe(1000);
    expect(calls.failed('op', 5000, 300)).toBe(300);
    expect(calls.polled('op', 200, 60_000)).toBe(200);
  });
});
