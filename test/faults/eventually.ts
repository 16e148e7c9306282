import { setTimeout as pause } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';

/**
 * Polls until the check returns something else than false or undefined, and returns that.
 *
 * @throws when `timeoutMs` passes before; the message says what was waited for.
 */
export async function eventually<R>(
  what: string,
  check: () => R | Promise<R>,
  timeoutMs = 30_000,
): Promise<Exclude<R, false | undefined>> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const result = await check();
    // The two values that mean "not yet" are excluded here, which the compiler can not see for a generic type.
    if (result !== false && result !== undefined) return result as Exclude<R, false | undefined>;
    if (Date.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/**
 * Reads until two readings in a row are equal, and returns the last.
 *
 * @throws when `timeoutMs` passes before; the message says what was waited for.
 */
export async function atRest<R>(what: string, read: () => Promise<R>, pauseMs: number, timeoutMs?: number): Promise<R> {
  let last = await read();
  await eventually(
    what,
    async () => {
      await pause(pauseMs);
      const before = last;
      last = await read();
      return isDeepStrictEqual(before, last);
    },
    timeoutMs,
  );
  return last;
}
