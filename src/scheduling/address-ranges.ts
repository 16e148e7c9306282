import type { AddressRange } from '../values/ip-address.ts';

/** The same addresses as the fewest ranges, in rising order, IPv4 first. Ranges with swapped ends are left out. */
export function mergeRanges(ranges: readonly AddressRange[]): readonly AddressRange[] {
  const sorted = ranges
    .filter(({ first, last }) => first <= last)
    .sort((left, right) => left.family - right.family || (left.first < right.first ? -1 : 1));
  const merged: AddressRange[] = [];
  for (const range of sorted) {
    const previous = merged.at(-1);
    if (previous === undefined || previous.family !== range.family || range.first > previous.last + 1n) {
      merged.push(range);
    } else if (range.last > previous.last) {
      merged[merged.length - 1] = { family: range.family, first: previous.first, last: range.last };
    }
  }
  return merged;
}
