/** How many ids of one share are worked on at a time: Ceph's manager takes turns, but what else there is to do need not wait. */
const width = 4;

/**
 * Works on items, some at a time, in the order they come. When this ends nothing of it is running any more.
 *
 * @param isTimeUp asked before each item
 * @returns `more` when time was up before the last one
 * @throws what the first item that failed threw; those behind it are not begun
 */
export async function inParallel<Item>(
  items: readonly Item[],
  work: (item: Item) => Promise<void>,
  isTimeUp: () => boolean = () => false,
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
