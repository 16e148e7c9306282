import { describe, expect, it } from 'vitest';
import { Reservations } from './reservations.ts';

const now = Date.UTC(2026, 0, 1);

describe('space that is reserved on a backend', () => {
  it('is the sum of the shares placed there, without the one that asks', () => {
    const reservations = new Reservations();
    reservations.add('b', 's1', 10);
    reservations.add('b', 's2', 5);
    reservations.add('c', 's3', 100);
    expect(reservations.bytesOn('b', 's3', now)).toBe(15);
    expect(reservations.bytesOn('b', 's1', now)).toBe(5);
    expect(reservations.bytesOn('none', 's1', now)).toBe(0);
  });

  it('moves with a share that is placed again', () => {
    const reservations = new Reservations();
    reservations.add('b', 's1', 10);
    reservations.add('b', 's1', 12);
    expect(reservations.bytesOn('b', '', now)).toBe(12);
    reservations.add('c', 's1', 12);
    expect([reservations.bytesOn('b', '', now), reservations.bytesOn('c', '', now)]).toEqual([0, 12]);
  });

  it('is free again when the share was made and a probe has seen it, or is gone', () => {
    const reservations = new Reservations();
    for (const share of ['made', 'being made', 'gone']) reservations.add('b', share, 10);
    reservations.made('made', now);
    expect(reservations.bytesOn('b', '', now)).toBe(30);
    reservations.probed('b');
    expect(reservations.bytesOn('b', '', now)).toBe(20);
    reservations.release('gone');
    expect(reservations.bytesOn('b', '', now)).toBe(10);
  });

  it('is free some minutes after the share was made, where its capacity never changes', () => {
    const reservations = new Reservations();
    reservations.add('b', 's1', 10);
    reservations.made('s1', now);
    expect(reservations.bytesOn('b', '', now + 60_000)).toBe(10);
    expect(reservations.bytesOn('b', '', now + 200_000)).toBe(0);
  });
});

describe('places on a share server', () => {
  it('count shares that the cache shows and those that are about to be placed there, each once', () => {
    const reservations = new Reservations();
    reservations.assign('ns/server', 's1');
    reservations.assign('ns/server', 's2');
    reservations.assign('ns/server', 's2');
    expect(reservations.sharesOn('ns/server', ['old'])).toBe(3);
    expect(reservations.sharesOn('ns/server', ['old', 's1'])).toBe(3);
    expect(reservations.sharesOn('ns/server', ['old', 's1', 's2'])).toBe(3);
    // Known from the cache by now: when it leaves there, it is gone.
    expect(reservations.sharesOn('ns/server', ['old'])).toBe(1);
    expect(reservations.sharesOn('ns/other', [])).toBe(0);
  });

  it('are given back by a share that goes elsewhere or is gone', () => {
    const reservations = new Reservations();
    reservations.assign('ns/one', 's1');
    reservations.assign('ns/two', 's1');
    expect([reservations.sharesOn('ns/one', []), reservations.sharesOn('ns/two', [])]).toEqual([0, 1]);
    reservations.release('s1');
    expect(reservations.sharesOn('ns/two', [])).toBe(0);
  });
});
