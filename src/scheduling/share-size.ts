import { parseQuantity } from '../values/quantity.ts';

/** Smallest size of a new share, and of one that is resized. */
const smallest = { text: '1Mi', bytes: 2 ** 20 } as const;

/** What is wrong with a size that no one means: bytes where GiB were meant. Undefined where nothing is, also for what is no size. */
export function sizeProblem(size: string | number): string | undefined {
  const bytes = parseQuantity(size);
  if (bytes === undefined || bytes >= smallest.bytes) return undefined;
  const meant = /^\d+$/.test(String(size)) && Number(size) > 0 ? `; for ${size} GiB write ${size}Gi` : '';
  return `size ${size} is ${bytes} bytes, and a share has at least ${smallest.text}: a size without a unit is in bytes${meant}`;
}
