import { describe, expect, test } from 'vitest';
import { growthOf, growthProblems, leftBehind, type Remains, type Sample } from './findings.ts';

const nothing: Remains = {
  objects: [],
  secrets: ['sharenet-installation', 'ad-a-password'],
  stored: { servers: [], shares: [], keys: [] },
};

test('nothing is left when the passwords of tenants and the Secrets of the installation are', () => {
  expect(leftBehind(nothing)).toBe('');
});

test.each<[string, Partial<Remains>]>([
  ['Secret rule-access-key', { secrets: ['sharenet-installation', 'rule-access-key'] }],
  ['Secret share-server-0123', { secrets: ['share-server-0123'] }],
  ['shareserver.sharenet.io/net-1', { objects: ['shareserver.sharenet.io/net-1'] }],
  ['2 keys', { stored: { servers: [], shares: [], keys: [{}, {}] } }],
  ['share.sharenet.io/home, 1 shares', { objects: ['share.sharenet.io/home'], stored: { shares: [{}] } }],
])('%s is left behind', (words, remains) => {
  expect(leftBehind({ ...nothing, ...remains })).toBe(words);
});

describe('what a replica takes', () => {
  /** An hour with a sample a minute: as told in the first three quarters, and then as `last` says. */
  function problems(last: Partial<Sample>): readonly string[] {
    const usual = { residentMiB: 230, heapMiB: 60, descriptors: 40 };
    const samples = Array.from({ length: 60 }, (_, minute): readonly Sample[] => [
      { replica: 'operator-1', minute, ...usual, ...(minute >= 45 && last) },
      { replica: 'operator-2', minute, ...usual },
    ]).flat();
    return ['operator-1', 'operator-2'].flatMap((replica) => growthProblems(growthOf(samples, replica, 1)));
  }

  test.each<[string, Partial<Sample>]>([
    ['residentMiB was 230 and is 290', { residentMiB: 290 }],
    ['heapMiB was 60 and is 90', { heapMiB: 90 }],
    ['descriptors was 40 and is 65', { descriptors: 65 }],
  ])('grows: %s', (words, last) => {
    expect(problems(last)).toEqual([`operator-1 grows: ${words}`]);
  });

  test('may differ a little, and be less', () => {
    expect(problems({ residentMiB: 260, heapMiB: 75, descriptors: 55 })).toEqual([]);
  });

  test('is not judged by a run that is too short for it', () => {
    const samples = [7, 10].map((minute): Sample => {
      const taken = { residentMiB: minute * 30, heapMiB: minute * 10, descriptors: minute * 10 };
      return { replica: 'operator-1', minute, ...taken };
    });
    expect(growthProblems(growthOf(samples, 'operator-1', 0.2))).toEqual([]);
  });
});
