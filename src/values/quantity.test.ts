import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatQuantity, parseQuantity } from './quantity.ts';

describe('a quantity', () => {
  it.each([
    ['0', 0],
    ['1024', 1024],
    [1024, 1024],
    ['10Gi', 10 * 2 ** 30],
    ['500M', 5e8],
    ['500k', 5e5],
    ['1Ki', 1024],
    ['1e9', 1e9],
    ['1E9', 1e9],
    ['1e+3', 1000],
    ['1.5Gi', 1.5 * 2 ** 30],
    ['.5Ki', 512],
    ['1.', 1],
    ['0.1', 1],
    ['1.0000001Ki', 1025],
    ['4Pi', 4 * 2 ** 50],
    ['9007199254740991', Number.MAX_SAFE_INTEGER],
  ])('%j is %d bytes', (text, bytes) => {
    expect(parseQuantity(text)).toBe(bytes);
  });

  it.each([
    '',
    '-1',
    '+1',
    '1 Gi',
    '1gi',
    '1K',
    '1kB',
    'Gi',
    '.',
    '1e-3',
    '1.2.3',
    '1Gi ',
    '100m',
    'Infinity',
    'NaN',
    '0x10',
    '8Ei',
    '1e99',
    '9007199254740993',
  ])('%j is refused', (text) => {
    expect(parseQuantity(text)).toBeUndefined();
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, -1])('the number %d is refused', (value) => {
    expect(parseQuantity(value)).toBeUndefined();
  });

  it.each([
    [0, '0'],
    [1023, '1023'],
    [1024, '1Ki'],
    [1536, '1536'],
    [10 * 2 ** 30, '10Gi'],
    [2 ** 50, '1Pi'],
  ])('%d bytes are written as %s', (bytes, text) => {
    expect(formatQuantity(bytes)).toBe(text);
  });

  it('survives being written and read', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.nat(40), (bytes, shift) => {
        const value = Math.floor(bytes / 2 ** shift) * 2 ** Math.min(shift, 10);
        fc.pre(Number.isSafeInteger(value));
        expect(parseQuantity(formatQuantity(value))).toBe(value);
      }),
    );
  });
});
