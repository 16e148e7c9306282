import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Redaction } from './redaction.ts';

describe('what a report hides', () => {
  test('is hidden wherever it occurs, each value behind a name of its own', () => {
    const redaction = new Redaction();
    redaction.hide('client', 'alice');
    redaction.hide('client', 'bob');
    redaction.hide('unit', 'OU=Filers,DC=example,DC=com');
    redaction.hide('client', 'alice');
    expect(redaction.text('alice, bob: join of alice in OU=Filers,DC=example,DC=com failed')).toBe(
      '<client-1>, <client-2>: join of <client-1> in <unit-1> failed',
    );
    expect(redaction.data({ alice: ['bob'], phase: 'alice' })).toEqual({
      '<client-1>': ['<client-2>'],
      phase: 'alice',
    });
  });

  test('other words that contain it stay', () => {
    const redaction = new Redaction();
    redaction.hide('client', 'tom');
    expect(redaction.text('tom atom tomorrow tom-1')).toBe('<client-1> atom tomorrow <client-1>-1');
  });

  test.each([
    ['a private key', '-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----'],
    ['a key cut short', '-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk'],
    ['a cephx key', 'key AQBhcmVuJ3QgYWxsIGtleXMgbG9uZyBlbm91Z2g/Pw== here'],
    ['a token', 'Authorization: Bearer abcdef123456'],
    ['a service account', 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl'],
    ['a password in JSON', '{"password":"hunter22"}'],
    ['a password in a command', 'net ads join password=hunter22 -k'],
  ])('%s is known by its look', (_, text) => {
    const shown = new Redaction().text(text);
    expect(shown).toMatch(/<(?:private key|access key|token|secret)>/);
    expect(shown).not.toMatch(/hunter22|MIIE|b3Bl|abcdef123456|AQBh|eyJhbGci/);
  });

  test('no hidden value is ever left as a word of its own', () => {
    const value = fc.stringMatching(/^[a-z][a-z0-9.@=, -]{2,12}[a-z]$/);
    fc.assert(
      fc.property(fc.uniqueArray(value, { minLength: 1, maxLength: 6 }), (values) => {
        const redaction = new Redaction();
        for (const one of values) redaction.hide('client', one);
        const shown = redaction.text(values.map((one) => `(${one})`).join(' '));
        return values.every(
          (one) => /^(?:active|error|none|null|true|false)$/.test(one) || !shown.includes(`(${one})`),
        );
      }),
    );
  });
});
