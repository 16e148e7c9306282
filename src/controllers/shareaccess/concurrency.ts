import { oneByOne } from '../../runtime/one-by-one.ts';

/** More than the connections to the API server, but not thousands of rules in one turn of the event loop. */
const lanes = 32;

/** Works on many items at once. When some fail, the others are done all the same. @throws the first failure */
export async function forEach<T>(items: readonly T[], work: (item: T) => Promise<unknown>): Promise<void> {
  const failures: unknown[] = [];
  const rest = items.values();
  const lane = (): Promise<void> =>
    oneByOne(rest, async (item) => {
      try {
        await work(item);
      } catch (reason) {
        failures.push(reason);
      }
    });
  await Promise.all(Array.from({ length: Math.min(lanes, items.length) }, lane));
  if (failures.length > 0) throw failures[0];
}

/** Runs steps one after another. When one fails, the others run all the same. @throws the first failure */
export async function inSequence(...steps: readonly (() => Promise<void>)[]): Promise<void> {
  let failure: { readonly reason: unknown } | undefined;
  for (const step of steps) {
    try {
      await step();
    } catch (reason) {
      failure ??= { reason };
    }
  }
  if (failure !== undefined) throw failure.reason;
}
