/** How many items are worked on at once by default. */
const usualWidth = 4;

/** Options of {@link inParallel}. */
export interface ParallelOptions {
  /** Items that are worked on at once. */
  readonly width?: number;
  /** Asked before each item. */
  readonly isTimeUp?: () => boolean;
}

/**
 * Works on items, some at once, in the order they come. Nothing of it runs any more when this returns or throws.
 * @returns `more` when time was up before the last item
 * @throws what the first item that failed threw; later items are not begun
 */
export async function inParallel<Item>(
  items: readonly Item[],
  work: (item: Item) => Promise<void>,
  { width = usualWidth, isTimeUp = () => false }: ParallelOptions = {},
): Promise<'done' | 'more'> {
  const queue = items.values();
  const failures: unknown[] = [];
  let result: 'done' | 'more' = 'done';
  const worker = async (): Promise<void> => {
    for (const item of queue) {
      if (failures.length > 0) return;
      if (isTimeUp()) {
        result = 'more';
        return;
      }
      try {
        await work(item);
      } catch (error) {
        failures.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: width }, worker));
  if (failures.length > 0) throw failures[0];
  return result;
}
