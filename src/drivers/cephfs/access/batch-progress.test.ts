import { expect, test } from 'vitest';
import { BatchProgress } from './batch-progress.ts';

const grant = { ruleID: 'rule', authID: 'alice', level: 'rw', downgrade: false } as const;
const update = { accessKey: 'key' };

test('a grant counts as made for the same id at the same level only', () => {
  const progress = new BatchProgress();
  progress.noteGranted(grant, update);
  expect(progress.size).toBe(1);
  expect(progress.updateOf(grant)).toBe(update);
  expect(progress.updateOf({ ...grant, level: 'r' })).toBeUndefined();
  expect(progress.updateOf({ ...grant, authID: 'bob' })).toBeUndefined();
});

test('a denial undoes the grants of its id, and a grant the denial', () => {
  const progress = new BatchProgress();
  progress.noteGranted(grant, update);
  progress.noteGranted({ ...grant, ruleID: 'other', authID: 'bob' }, update);
  progress.noteDenied('alice');
  expect(progress.updateOf(grant)).toBeUndefined();
  expect(progress.updateOf({ ...grant, ruleID: 'other', authID: 'bob' })).toBe(update);
  progress.noteGranted(grant, update);
  expect(progress.isDenied('alice')).toBe(false);
});
