import fc from 'fast-check';
import { expect, test } from 'vitest';
import { planRules, type RulePlan } from '../../src/access-rules/plan.ts';
import { finalizer } from '../../src/api/v1alpha1/labels.ts';
import { apiVersion } from '../../src/api/v1alpha1/resource-types.ts';
import type { ShareAccess } from '../../src/api/v1alpha1/share-access.ts';
import { fuzz } from './fuzz.ts';

/** Spellings, and which of them are one target. */
const targets = [
  ['ip', '10.0.0.1', 'one'],
  ['ip', '10.0.0.1/32', 'one'],
  ['ip', '10.0.0.0/24', 'net'],
  ['ip', '2001:db8::1', 'six'],
  ['ip', '2001:DB8:0::1/128', 'six'],
  ['user', 'alice', 'alice'],
  ['cephx', 'alice', 'key'],
] as const;

interface Drawn {
  readonly target: number;
  readonly age: number;
  readonly applied: boolean;
  readonly deleted: boolean;
  readonly sent: boolean;
}

const drawn: fc.Arbitrary<Drawn> = fc.record({
  target: fc.nat({ max: targets.length - 1 }),
  age: fc.nat({ max: 3 }),
  applied: fc.boolean(),
  deleted: fc.boolean(),
  sent: fc.boolean(),
});

function ruleOf({ target, age, applied, deleted, sent }: Drawn, index: number): ShareAccess {
  const [accessType = 'ip', accessTo = ''] = targets[target] ?? [];
  const time = (second: number): string => `2026-01-01T00:00:0${second}Z`;
  return {
    apiVersion,
    kind: 'ShareAccess',
    metadata: {
      namespace: 'team',
      name: `rule-${index}`,
      uid: `uid-${String(index).padStart(6, '0')}`,
      generation: 1,
      creationTimestamp: time(age),
      ...(sent || applied ? { finalizers: [finalizer] } : {}),
      ...(deleted ? { deletionTimestamp: time(9) } : {}),
    },
    spec: { shareName: 'share', accessType, accessTo, accessLevel: 'rw' },
    ...(applied ? { status: { observedGeneration: 1, phase: 'active', accessLevel: 'rw' } } : {}),
  };
}

function plan(rules: readonly ShareAccess[]): RulePlan {
  return planRules({
    rules,
    protocol: 'CEPHFS',
    capabilities: undefined,
    shareIsLeaving: false,
    serverFailed: false,
    isPaused: () => false,
    isAskedFor: () => false,
  });
}

/** What becomes of each rule, by comparing it with every other one. */
function naively(rules: readonly ShareAccess[], drawnOf: readonly Drawn[]): Readonly<Record<string, string>> {
  const beats = (one: number, other: number): boolean => {
    const [left, right] = [drawnOf[one], drawnOf[other]];
    if (left === undefined || right === undefined) return false;
    if (left.applied !== right.applied) return left.applied;
    return left.age === right.age ? one < other : left.age < right.age;
  };
  return Object.fromEntries(
    rules.map(({ metadata }, index) => {
      const own = drawnOf[index];
      if (own?.deleted === true) return [metadata.name, own.sent || own.applied ? 'deny' : 'nothing'];
      const isBeaten = drawnOf.some((other, at) => {
        const same = targets[other.target]?.[2] === targets[own?.target ?? 0]?.[2];
        // One that goes without having been applied is in no other's way: denials come first.
        const counts = !other.deleted || other.applied;
        return at !== index && same && counts && beats(at, index);
      });
      if (isBeaten) return [metadata.name, 'problem'];
      return [metadata.name, own?.applied === true ? 'keep' : 'add'];
    }),
  );
}

fuzz('rules', 'are planned as by comparing each with all others', fc.array(drawn, { maxLength: 30 }), (all) => {
  const rules = all.map(ruleOf);
  const { add, update, deny, keep, problems } = plan(rules);
  const names = (which: string, some: readonly ShareAccess[]) => some.map(({ metadata }) => [metadata.name, which]);
  const planned = Object.fromEntries([
    ...rules.map(({ metadata }) => [metadata.name, 'nothing']),
    ...names('add', add),
    ...names('update', update),
    ...names('deny', deny),
    ...names('keep', keep),
    ...names(
      'problem',
      problems.map(({ rule }) => rule),
    ),
  ]);
  expect(planned).toEqual(naively(rules, all));
});

test('rules: of ten times as many not much more than ten times as much is read, also with one target', () => {
  const readsOf = (count: number): number => {
    let reads = 0;
    const rules = Array.from({ length: count }, (_, index) => {
      const { spec, metadata, ...rest } = ruleOf(
        { target: 0, age: index % 4, applied: false, deleted: false, sent: true },
        index,
      );
      const counted = <T>(value: T) => ({
        enumerable: true,
        get: () => {
          reads += 1;
          return value;
        },
      });
      // An object with getters in place of two fields is the same to whoever reads it.
      return Object.defineProperties(rest, { spec: counted(spec), metadata: counted(metadata) }) as ShareAccess;
    });
    plan(rules);
    return reads;
  };
  // Sorting by precedence adds a logarithm; a square would be a hundred times.
  for (const count of [90, 900]) expect(readsOf(10 * count)).toBeLessThan(25 * readsOf(count));
});
