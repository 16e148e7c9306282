import { describe, expect, it } from 'vitest';
import * as labels from '../api/v1alpha1/labels.ts';
import { invalidTokens } from './request-tokens.ts';
import { isPaused, requestToken, unhandledReconcileToken } from './requests.ts';

function object(annotations: Record<string, string>, lastHandledReconcileAt?: string) {
  return {
    metadata: { name: 'o', annotations },
    status: lastHandledReconcileAt === undefined ? {} : { lastHandledReconcileAt },
  };
}

describe('a request token', () => {
  it.each(['2026-01-01T00:00:00Z', ' ', 'x'.repeat(64)])('may be %j', (value) => {
    const asked = object({ [labels.reconcileRequestedAt]: value });
    expect(requestToken(asked, labels.reconcileRequestedAt)).toBe(value);
    expect(invalidTokens(asked)).toEqual([]);
  });

  it.each(['', 'x'.repeat(65), 'a\nb', 'a\n', 'größe'])('may not be %j: it is ignored and told', (value) => {
    const asked = object({ [labels.reconcileRequestedAt]: value });
    expect(requestToken(asked, labels.reconcileRequestedAt)).toBeUndefined();
    expect(unhandledReconcileToken(asked)).toBeUndefined();
    expect(invalidTokens(asked)).toEqual([labels.reconcileRequestedAt]);
  });

  it('asks once', () => {
    const annotations = { [labels.reconcileRequestedAt]: '1' };
    expect(unhandledReconcileToken(object(annotations))).toBe('1');
    expect(unhandledReconcileToken(object(annotations, '0'))).toBe('1');
    expect(unhandledReconcileToken(object(annotations, '1'))).toBeUndefined();
    expect(unhandledReconcileToken(object({}, '1'))).toBeUndefined();
    expect(unhandledReconcileToken({ metadata: { name: 'new' } })).toBeUndefined();
  });
});

it('an object is paused by the word "true" only', () => {
  expect(isPaused(object({ [labels.paused]: 'true' }))).toBe(true);
  for (const value of ['false', 'True', '']) expect(isPaused(object({ [labels.paused]: value }))).toBe(false);
  expect(isPaused({ metadata: { name: 'o' } })).toBe(false);
});
