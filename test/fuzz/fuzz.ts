import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { test } from 'vitest';

/** Inputs that once failed, or are likely to, by target. Each run begins with them; whatever a run finds is added. */
const corpus: Readonly<Record<string, readonly unknown[]>> = JSON.parse(
  readFileSync(new URL('corpus.json', import.meta.url), 'utf8'),
);

/** `FUZZ_RUNS` in the environment asks for more; `TEST_SEED` repeats a run. */
const runs = Number(process.env.FUZZ_RUNS ?? 200);
const seed = Number(process.env.TEST_SEED ?? Date.now() % 1_000_000);

/**
 * A test that gives a target its stored inputs and then random ones. Its failure names the smallest input that fails, and the seed.
 * @param target name in corpus.json
 */
export function fuzz<T>(target: string, what: string, inputs: fc.Arbitrary<T>, property: (input: T) => void): void {
  test(`${target}: ${what}`, { timeout: 15_000 + runs * 20 }, () => {
    // The corpus is ours: its entries are inputs of the target.
    const examples = (corpus[target] ?? []) as readonly T[];
    fc.assert(fc.property(inputs, property), {
      seed,
      numRuns: runs + examples.length,
      examples: examples.map((input): [T] => [input]),
    });
  });
}

/** As {@link fuzz}, for a target that answers later. */
export function fuzzAsync<T>(
  target: string,
  what: string,
  inputs: fc.Arbitrary<T>,
  property: (input: T) => Promise<void>,
): void {
  test(`${target}: ${what}`, { timeout: 15_000 + runs * 20 }, async () => {
    const examples = (corpus[target] ?? []) as readonly T[];
    await fc.assert(fc.asyncProperty(inputs, property), {
      seed,
      numRuns: runs + examples.length,
      examples: examples.map((input): [T] => [input]),
    });
  });
}
