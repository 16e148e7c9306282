import { describe, expect, it } from 'vitest';
import { contentFaults, lineContent, utf8Text } from './secret-content.ts';

const bytes = (text: string, encoding: BufferEncoding = 'utf8'): Buffer => Buffer.from(text, encoding);

describe('a line of text in a Secret', () => {
  it.each(['hunter2', ' with spaces ', 'pässwörd', '漢字', '\u200d', '"\\$`!%', 'x'.repeat(64)])(
    'is kept as it is: %j',
    (text) => {
      expect(lineContent(bytes(text), 64)).toEqual({ ok: true, text });
    },
  );

  it.each([
    ['nothing', bytes(''), 'empty'],
    ['Latin-1', bytes('p\xe4ss', 'latin1'), 'not_utf8'],
    ['UTF-16 with its mark', bytes('\ufeffpass', 'utf16le'), 'not_utf8'],
    ['UTF-16 without a mark', bytes('pass', 'utf16le'), 'control_character'],
    ['half of a surrogate pair', Buffer.from([0xed, 0xa0, 0x80]), 'not_utf8'],
    ['an overlong encoding', Buffer.from([0xc0, 0x80]), 'not_utf8'],
    ['a byte order mark', bytes('\ufeffpass'), 'byte_order_mark'],
    ['a line feed at the end', bytes('pass\n'), 'line_break_at_end'],
    ['the line end of Windows', bytes('pass\r\n'), 'line_break_at_end'],
    ['nothing but a line feed', bytes('\n'), 'line_break_at_end'],
    ['two lines', bytes('user\npass\n'), 'several_lines'],
    ['NUL', bytes('pa\0ss'), 'control_character'],
    ['NUL at the end', bytes('pass\0'), 'control_character'],
    ['a tab', bytes('pa\tss'), 'control_character'],
    ['DEL', bytes('pa\x7fss'), 'control_character'],
    ['too much', bytes('x'.repeat(65)), 'too_long'],
  ] as const)('is not: %s', (_what, content, fault) => {
    expect(lineContent(content, 64)).toEqual({ ok: false, fault });
    expect(contentFaults[fault]).not.toContain('pass');
  });

  it('is never changed by decoding', () => {
    expect(utf8Text(bytes('\ufeffa\r\n'))).toBe('\ufeffa\r\n');
    expect(utf8Text(Buffer.from([0xff]))).toBeUndefined();
  });
});
