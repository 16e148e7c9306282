import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nameList } from './name-list.ts';

describe('a list of names', () => {
  it.each([
    [[], ''],
    [['a'], 'a'],
    [['b', 'a', 'b'], 'a, b'],
    [['e', 'd', 'c', 'b', 'a'], 'a, b, c, d, e'],
    [['f', 'e', 'd', 'c', 'b', 'a'], 'a, b, c, d, e and 1 more'],
  ])('of %j reads "%s"', (names, text) => {
    expect(nameList(names)).toBe(text);
  });

  it('does not depend on the order of the names', () => {
    fc.assert(
      fc.property(fc.array(fc.string()), (names) => {
        expect(nameList(names.toReversed())).toBe(nameList(names));
      }),
    );
  });
});
