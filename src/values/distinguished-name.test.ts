import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { distinguishedNameFault } from './distinguished-name.ts';

const pairs = z.array(z.tuple([z.string(), z.string()]));
const { valid, invalid } = z
  .object({ valid: pairs, invalid: pairs })
  // The file server hosts read names by the same cases.
  .parse(JSON.parse(readFileSync('hosts/samba/tests/distinguished-names.json', 'utf8')));

describe('a distinguished name', () => {
  it.each(valid)('may be %s', (text, written) => {
    expect(distinguishedNameFault(text)).toBeUndefined();
    expect(distinguishedNameFault(written)).toBeUndefined();
  });

  it.each(invalid)('is not %s', (text, fault) => {
    expect(distinguishedNameFault(text)).toBe(fault);
  });

  it('may have characters beyond the basic plane', () => {
    expect(distinguishedNameFault('OU=😀,DC=a')).toBeUndefined();
  });

  it('is judged whatever the text is', () => {
    const piece = fc.constantFrom('OU=', 'DC', '=', ',', ';', '+', '\\', '#', '0c', '"', ' ', 'é', '\0', '2.5.4.11');
    fc.assert(
      fc.property(fc.array(fc.oneof(piece, fc.string())), (pieces) => {
        const fault = distinguishedNameFault(pieces.join(''));
        expect(fault === undefined || /\(at character \d+\)$/.test(fault)).toBe(true);
      }),
    );
  });
});
