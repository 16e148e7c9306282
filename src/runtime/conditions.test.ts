import { describe, expect, it } from 'vitest';
import { type Condition, removeCondition, setCondition } from './conditions.ts';

const start = new Date('2026-01-01T00:00:00.900Z');
const later = new Date('2026-01-01T01:00:00Z');
const ready = { type: 'Ready', status: 'True', reason: 'Active', message: 'ok', observedGeneration: 1 } as const;

describe('setCondition', () => {
  const conditions: readonly Condition[] = setCondition(undefined, ready, start);

  it('adds a condition with the time in whole seconds', () => {
    expect(conditions).toEqual([{ ...ready, lastTransitionTime: '2026-01-01T00:00:00Z' }]);
  });

  it('gives the same array back when nothing changed', () => {
    expect(setCondition(conditions, ready, later)).toBe(conditions);
  });

  it('keeps the time when only the message changes, and moves it with the status', () => {
    expect(setCondition(conditions, { ...ready, message: 'fine' }, later)[0]?.lastTransitionTime).toBe(
      '2026-01-01T00:00:00Z',
    );
    expect(setCondition(conditions, { ...ready, status: 'False' }, later)[0]?.lastTransitionTime).toBe(
      '2026-01-01T01:00:00Z',
    );
  });

  it('keeps the order of the others', () => {
    const two = setCondition(conditions, { ...ready, type: 'Other' }, start);
    const types = setCondition(two, { ...ready, status: 'False' }, later).map(({ type }) => type);
    expect(types).toEqual(['Ready', 'Other']);
  });

  it('finds and removes by type', () => {
    expect(removeCondition(conditions, 'Ready')).toEqual([]);
    expect(removeCondition(conditions, 'Other')).toBe(conditions);
  });
});
