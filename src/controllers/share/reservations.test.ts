import { describe, expect, test } from 'vitest';
import { Reservations } from './reservations.ts';

describe('reservations', () => {
  test('count until the backend has told its space anew after the share was made', () => {
    const reservations = new Reservations();
    reservations.add('b', 'one', 10);
    reservations.add('b', 'two', 5);
    expect([reservations.bytesOn('b', 'two', 0), reservations.bytesOn('b', '', 0)]).toEqual([10, 15]);
    reservations.made('one', 1000);
    expect(reservations.bytesOn('b', '', 2000)).toBe(15);
    reservations.probed('b');
    expect(reservations.bytesOn('b', '', 2000)).toBe(5);
  });

  test('of a made share end also on a backend whose space never shows it', () => {
    const reservations = new Reservations();
    reservations.add('b', 'one', 10);
    reservations.made('one', 1000);
    expect(reservations.bytesOn('b', '', 100_000)).toBe(10);
    expect(reservations.bytesOn('b', '', 200_000)).toBe(0);
  });

  test('move with a share that is placed again, and go with one that is deleted', () => {
    const reservations = new Reservations();
    reservations.add('b', 'one', 10);
    reservations.add('c', 'one', 10);
    expect([reservations.bytesOn('b', '', 0), reservations.bytesOn('c', '', 0)]).toEqual([0, 10]);
    reservations.release('one');
    expect(reservations.bytesOn('c', '', 0)).toBe(0);
  });

  test('of places on a server count with the shares that the cache shows there, each once', () => {
    const reservations = new Reservations();
    reservations.assign('ns/server', 'one');
    reservations.assign('ns/server', 'two');
    expect(reservations.sharesOn('ns/server', [])).toBe(2);
    expect(reservations.sharesOn('ns/server', ['one', 'three'])).toBe(3);
    reservations.assign('ns/other', 'two');
    expect(reservations.sharesOn('ns/server', ['one', 'three'])).toBe(2);
  });
});
