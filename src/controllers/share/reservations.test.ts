import { describe, expect, test } from 'vitest';
import { Reservations } from './reservations.ts';

describe('reservations', () => {
  test('count until the backend reports another capacity after the share was created', () => {
    const reservations = new Reservations();
    reservations.add('b', 'one', 10);
    reservations.add('b', 'two', 5);
    expect([reservations.bytesOn('b', 'two', 0), reservations.bytesOn('b', '', 0)]).toEqual([10, 15]);
    reservations.made('one', 1000);
    expect(reservations.bytesOn('b', '', 2000)).toBe(15);
    reservations.probed('b');
    expect(reservations.bytesOn('b', '', 2000)).toBe(5);
  });

  test('of a created share also end on a backend whose capacity never shows it', () => {
    const reservations = new Reservations();
    reservations.add('b', 'one', 10);
    reservations.made('one', 1000);
    expect(reservations.bytesOn('b', '', 100_000)).toBe(10);
    expect(reservations.bytesOn('b', '', 200_000)).toBe(0);
  });

  test('move with a share that is placed again, and end with one that is deleted', () => {
    const reservations = new Reservations();
    reservations.add('b', 'one', 10);
    reservations.add('c', 'one', 10);
    expect([reservations.bytesOn('b', '', 0), reservations.bytesOn('c', '', 0)]).toEqual([0, 10]);
    reservations.release('one');
    expect(reservations.bytesOn('c', '', 0)).toBe(0);
  });

  test('of places on a server count once each, together with the shares that the cache shows there', () => {
    const reservations = new Reservations();
    reservations.assign('ns/server', 'one');
    reservations.assign('ns/server', 'two');
    expect(reservations.sharesOn('ns/server', [])).toBe(2);
    expect(reservations.sharesOn('ns/server', ['one', 'three'])).toBe(3);
    reservations.assign('ns/other', 'two');
    expect(reservations.sharesOn('ns/server', ['one', 'three'])).toBe(2);
  });

  test('of a place on a server end when the cache shows the share there, but not when it shows the share elsewhere', () => {
    const reservations = new Reservations();
    reservations.assign('ns/server', 'one');
    reservations.seen('ns/other', 'one');
    expect(reservations.sharesOn('ns/server', [])).toBe(1);
    reservations.seen('ns/server', 'one');
    expect(reservations.sharesOn('ns/server', [])).toBe(0);
  });

  test('take the same time for each of very many shares', () => {
    const reservations = new Reservations();
    const began = performance.now();
    for (let index = 0; index < 50_000; index++) {
      const uid = `share-${index}`;
      reservations.bytesOn('b', uid, index);
      reservations.add('b', uid, 1);
      reservations.assign(`ns/server-${index}`, uid);
      reservations.made(uid, index);
    }
    for (let index = 0; index < 50_000; index++) reservations.release(`share-${index}`);
    expect(performance.now() - began).toBeLessThan(4_000);
  });
});
