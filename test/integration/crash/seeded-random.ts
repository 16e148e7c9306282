/**
 * A seed for one run of a test; `TEST_SEED` in the environment repeats an earlier one.
 * @param sample the seed where no other is asked for, so that a failure of a sample is about the change; else each run has its own
 */
export function chooseSeed(sample = Date.now() % 1_000_000): number {
  return Number(process.env.TEST_SEED ?? sample);
}

/** Numbers from 0 up to 1 that are the same for the same seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Runs a test body; its failure names the seed that repeats it. */
export async function withSeed(seed: number, body: (random: () => number) => Promise<void>): Promise<void> {
  try {
    await body(seededRandom(seed));
  } catch (error) {
    throw new Error(`with TEST_SEED=${seed}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
}

/** The items in another order. */
export function shuffled<T>(items: readonly T[], random: () => number): T[] {
  return items
    .map((item) => ({ item, at: random() }))
    .sort((one, other) => one.at - other.at)
    .map(({ item }) => item);
}
