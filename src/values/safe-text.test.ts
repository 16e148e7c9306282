import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { redact, safeReason, safeText } from './safe-text.ts';

describe('safeText', () => {
  it.each([
    ['what is fine as it is', 'größe: 3 → 4 🎉', 'größe: 3 → 4 🎉'],
    ['control characters as one space', 'a\u0000\u001b[31m\r\n\tb\u009f\u2028c', 'a [31m b c'],
    ['characters that turn the direction of text', 'safe\u202egnp.exe\u2066', 'safe gnp.exe'],
    ['characters that can not be seen', 'ad\u200bmin\ufeff\u{e0061}', 'ad min'],
    ['what words of some languages are made of', 'می\u200cخواهم', 'می\u200cخواهم'],
    ['spaces at the ends', '\n text \n', 'text'],
    ['half of a surrogate pair', 'a\ud83db', 'a\ufffdb'],
  ])('takes %s', (_what, text, expected) => {
    expect(safeText(text)).toBe(expected);
  });

  it('cuts on a character boundary', () => {
    expect(safeText('abcdef', 6)).toBe('abcdef');
    expect(safeText('abcdefg', 6)).toBe('abcde…');
    expect(safeText('abcd🎉efg', 6)).toBe('abcd…');
  });

  it('is well-formed, bounded and free of control characters, whatever is given, and does not change its own result', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), fc.integer({ min: 1, max: 40 }), (text, max) => {
        const safe = safeText(text, max);
        expect(safe.length).toBeLessThanOrEqual(max);
        expect(safe.isWellFormed()).toBe(true);
        expect(safe).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}]/u);
        expect(safeText(safe, max)).toBe(safe);
      }),
    );
  });
});

describe('safeReason', () => {
  it.each(['BindFailed', 'A', 'V1Failed', `A${'b'.repeat(62)}`])('takes %s', (reason) => {
    expect(safeReason(reason, 'Other')).toBe(reason);
  });
  it.each(['', 'bindFailed', 'Bind-Failed', 'Bind Failed', 'Bïnd', 'Bind\n', `A${'b'.repeat(63)}`])(
    'does not take %j',
    (reason) => {
      expect(safeReason(reason, 'Other')).toBe('Other');
    },
  );
});

describe('redact', () => {
  it('replaces every occurrence of every secret', () => {
    expect(redact('a hunter2 b hunter2 c s3cret', ['hunter2', 's3cret'])).toBe(
      'a [redacted] b [redacted] c [redacted]',
    );
  });

  it('leaves no rest of a secret that holds another one', () => {
    expect(redact('pass-word', ['pass', 'pass-word'])).toBe('[redacted]');
  });

  it('takes no secret for a pattern', () => {
    expect(redact('a.*b $& aXXb', ['a.*b', '$&??'])).toBe('[redacted] $& aXXb');
  });

  it('leaves a text whole when a secret is so short that it would hit by chance', () => {
    expect(redact('an apple', ['an', ''])).toBe('an apple');
  });
});
