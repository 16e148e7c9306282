/** Milliseconds of one thing done again and again: the middle one, and the one that 95 of 100 are quicker than. */
export interface Latency {
  readonly median: number;
  readonly p95: number;
}

/** How long an act takes, in milliseconds. */
export async function elapsedOf(act: () => Promise<unknown>): Promise<number> {
  const from = performance.now();
  await act();
  return performance.now() - from;
}

/** Does an act so many times, one after another. */
export async function latencyOf(samples: number, act: (n: number) => Promise<unknown>): Promise<Latency> {
  const taken: number[] = [];
  for (let n = 0; n < samples; n += 1) taken.push(await elapsedOf(() => act(n)));
  return latencyIn(taken);
}

/** The middle one of values in any order; of an even number the upper one. NaN when there is none. */
export function median(values: readonly number[]): number {
  return values.toSorted((left, right) => left - right)[Math.floor(values.length / 2)] ?? Number.NaN;
}

/** @param taken milliseconds, in any order */
export function latencyIn(taken: readonly number[]): Latency {
  const sorted = [...taken].sort((left, right) => left - right);
  const at = (share: number): number => sorted[Math.floor(sorted.length * share)] ?? 0;
  return { median: at(0.5), p95: at(0.95) };
}

/** Milliseconds with one digit. */
export function ms(milliseconds: number): string {
  return `${milliseconds.toFixed(1)} ms`;
}

/** For a row of a table. */
export function latencyText({ median, p95 }: Latency): string {
  return `median ${ms(median)}, p95 ${ms(p95)}`;
}
