import { expect, test } from 'vitest';
import type { Condition } from '../../api/v1alpha1/conditions.ts';
import { type Complaint, complaintsOf, maxSeriesOfKind, withOwnSeries } from './unhealthy-objects.ts';

const now = Date.parse('2026-01-01T12:00:00Z');
const longAgo = '2026-01-01T11:00:00Z';

function condition(type: string, status: 'True' | 'False' | 'Unknown', lastTransitionTime = longAgo): Condition {
  return { type, status, reason: `${type}Reason`, message: '', lastTransitionTime };
}

function complaints(...conditions: readonly Condition[]): readonly string[] {
  const object = { metadata: { namespace: 'team-a', name: 'one' }, status: { phase: 'active', conditions } };
  return complaintsOf('Share', object, now).map((complaint) => complaint.condition);
}

test.each([
  ['Ready', 'False', 'True'],
  ['SecurityServicesUpToDate', 'False', 'True'],
  ['Stalled', 'True', 'False'],
  ['DeletionBlocked', 'True', 'False'],
  ['InvalidRequestToken', 'True', 'False'],
  ['Warning', 'True', 'False'],
] as const)('%s is wrong when it is %s', (type, wrong, right) => {
  expect(complaints(condition(type, wrong))).toEqual([type]);
  expect(complaints(condition(type, right))).toEqual([]);
});

test('an object that is reconciling or not observed yet is not unhealthy', () => {
  expect(complaints(condition('Reconciling', 'True'))).toEqual([]);
  expect(complaintsOf('Share', { metadata: { name: 'new' } }, now)).toEqual([]);
});

test('a condition of less than a minute is not reported', () => {
  expect(complaints(condition('Ready', 'False', '2026-01-01T11:59:01Z'))).toEqual([]);
  expect(complaints(condition('Ready', 'False', '2026-01-01T11:59:00Z'))).toEqual(['Ready']);
});

test('of very many unhealthy objects the oldest have series of their own', () => {
  const many = Array.from({ length: maxSeriesOfKind + 100 }, (_, index): Complaint => {
    const labels = {
      kind: 'Share',
      namespace: 'team-a',
      phase: 'error',
      condition: 'Ready',
      reason: 'Because',
    } as const;
    return { ...labels, name: `share-${index}`, since: now - index * 1000 };
  });
  const told = withOwnSeries(many);
  expect(told).toHaveLength(maxSeriesOfKind);
  expect(told[0]?.name).toBe('share-599');
  expect(told.at(-1)?.name).toBe('share-100');
  expect(withOwnSeries(many.toReversed())).toEqual(told);
});
