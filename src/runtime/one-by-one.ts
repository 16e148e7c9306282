import { breathe } from './thread-time.ts';

/** Milliseconds after which work on many items lets others have the thread. */
const sliceMs = 20;

/**
 * Works on items one after another. What needs no request would hold the thread until the last item is done: others have it in
 * between.
 */
export async function oneByOne<T>(items: Iterable<T>, work: (item: T) => Promise<void>): Promise<void> {
  let since = performance.now();
  for (const item of items) {
    await work(item);
    if (performance.now() - since < sliceMs) continue;
    await breathe();
    since = performance.now();
  }
}
