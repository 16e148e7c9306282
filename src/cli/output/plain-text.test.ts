import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cut, plainText } from './plain-text.ts';

describe('text for a terminal', () => {
  test.each([
    ['red', '\u001b[31mred\u001b[0m', 'red'],
    ['a title', '\u001b]0;owned\u0007text', 'text'],
    ['a link', '\u001b]8;;https://example.com\u0007link\u001b]8;;\u0007', 'link'],
    ['8-bit control sequences', 'a\u009b2Kb', 'ab'],
    ['a line that overwrites', 'fine\r\nforged', 'fine forged'],
    ['turned writing', 'abc\u202edcba', 'abc dcba'],
    ['half a character', 'a\ud800b', 'a\ufffdb'],
    ['other alphabets', 'Größe 容量', 'Größe 容量'],
  ])('%s becomes plain', (_, text, plain) => {
    expect(plainText(text)).toBe(plain);
  });

  test('nothing that a terminal acts on is ever left', () => {
    const hostile = fc.string({
      unit: fc.oneof(fc.constantFrom('\u001b', '\u009b', '[', ']', '0', 'm', '\u0007', '\r'), fc.string()),
    });
    fc.assert(fc.property(hostile, (text) => !/\p{Cc}/u.test(plainText(text))));
  });

  test('is cut to a width, by whole characters', () => {
    expect(cut('abcdef', 6)).toBe('abcdef');
    expect(cut('abcdefg', 6)).toBe('abcde…');
    expect(cut('🙂🙂🙂', 2)).toBe('🙂…');
  });
});
