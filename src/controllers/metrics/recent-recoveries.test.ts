import { expect, test } from 'vitest';
import { RecentRecoveries } from './recent-recoveries.ts';

const minute = 60_000;

test('a share is reported from its third recovery within an hour', () => {
  const recent = new RecentRecoveries();
  recent.add('team-a/once', 0);
  for (const time of [0, minute]) recent.add('team-a/often', time);
  expect(recent.repeated(minute)).toEqual(new Map());
  recent.add('team-a/often', 2 * minute);
  expect(recent.repeated(2 * minute)).toEqual(new Map([['team-a/often', 3]]));
});

test('recoveries of more than an hour ago do not count', () => {
  const recent = new RecentRecoveries();
  for (const time of [0, minute, 2 * minute, 30 * minute]) recent.add('team-a/often', time);
  expect(recent.repeated(59 * minute).get('team-a/often')).toBe(4);
  expect(recent.repeated(60 * minute).get('team-a/often')).toBe(3);
  expect(recent.repeated(61 * minute).size).toBe(0);
});

test('a share that is gone is forgotten, and one that is recovered again and again takes bounded memory', () => {
  const recent = new RecentRecoveries();
  for (let count = 0; count < 1000; count++) recent.add('team-a/often', count);
  expect(recent.repeated(1000).get('team-a/often')).toBe(50);
  recent.forget('team-a/often');
  expect(recent.repeated(1000).size).toBe(0);
});
