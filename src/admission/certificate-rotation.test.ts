import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { backdatedMs, lifetimeMs, rotationStep, type StoredValidity } from './certificate-rotation.ts';

const now = Date.UTC(2026, 0, 1);
const day = 86_400_000;
const minute = 60_000;
const madeAt = (time: number) => ({ notBefore: time - backdatedMs, notAfter: time + lifetimeMs });

describe('the next step of a rotation', () => {
  const renewAt = madeAt(now).notAfter - (lifetimeMs + backdatedMs) / 3;
  const old = madeAt(now - 70 * day);
  const endsIn = (ms: number) => ({ notBefore: now - day, notAfter: now + ms });

  test.each<[string, StoredValidity, ReturnType<typeof rotationStep>]>([
    ['nothing is there', {}, { kind: 'make' }],
    ['a new one is served', { serving: madeAt(now) }, { kind: 'wait', until: renewAt }],
    ['two thirds of its life are over', { serving: old }, { kind: 'prepare' }],
    ['it has ended', { serving: madeAt(now - 365 * day) }, { kind: 'make' }],
    ['it has not begun: the clock that made it was wrong', { serving: madeAt(now + 2 * day) }, { kind: 'make' }],
    [
      'the next one was just made',
      { serving: old, next: { ...madeAt(now), trusted: true } },
      { kind: 'wait', until: now + 10 * minute },
    ],
    [
      'the next one has been trusted long enough',
      { serving: old, next: { ...madeAt(now - 10 * minute), trusted: true } },
      { kind: 'promote' },
    ],
    [
      'the API server was not told of the next one',
      { serving: old, next: { ...madeAt(now - day), trusted: false } },
      { kind: 'wait', until: old.notAfter },
    ],
    [
      'it has ended, whether the next one is trusted or not',
      { serving: madeAt(now - 100 * day), next: { ...madeAt(now - 40 * day), trusted: false } },
      { kind: 'promote' },
    ],
    [
      'both have ended: the operator was down for a year',
      { serving: madeAt(now - 400 * day), next: { ...madeAt(now - 365 * day), trusted: true } },
      { kind: 'make' },
    ],
    [
      'the next one has ended',
      { serving: old, next: { ...madeAt(now - 91 * day), trusted: true } },
      { kind: 'prepare' },
    ],
    [
      'less time is left than the API servers are given: half of it',
      { serving: endsIn(10_000), next: { ...madeAt(now), trusted: true } },
      { kind: 'wait', until: now + 5_000 },
    ],
  ])('%s', (_when, stored, step) => {
    expect(rotationStep(stored, now)).toEqual(step);
  });

  it('never leaves a moment without a good certificate that was trusted before, however late the looks are', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 1, max: 24 * 60 }), fc.boolean()), { minLength: 200, maxLength: 400 }),
        (looks) => {
          let stored: StoredValidity = { serving: madeAt(now) };
          let time = now;
          let untold = 0;
          for (const [minutes, isTold] of looks) {
            time += minutes * minute;
            // The API server gets to know it within a day.
            untold = isTold ? 0 : untold + minutes;
            if (stored.next && (isTold || untold > 24 * 60))
              stored = { ...stored, next: { ...stored.next, trusted: true } };
            const step = rotationStep(stored, time);
            expect(step.kind).not.toBe('make');
            if (step.kind === 'prepare') stored = { ...stored, next: { ...madeAt(time), trusted: false } };
            if (step.kind === 'promote') {
              expect(stored.next?.trusted).toBe(true);
              stored = { serving: stored.next };
            }
            if (step.kind === 'wait') expect(step.until).toBeGreaterThan(time);
            expect(stored.serving?.notAfter).toBeGreaterThan(time);
          }
        },
      ),
      // Looks that are left out to make a failure smaller hide it.
      { numRuns: 50, endOnFailure: true },
    );
  });
});
