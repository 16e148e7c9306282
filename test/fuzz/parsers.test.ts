import fc from 'fast-check';
import { expect, test } from 'vitest';
import { shares } from '../../src/api/v1alpha1/resource-types.ts';
import { plainText } from '../../src/cli/output/plain-text.ts';
import { isToken } from '../../src/cluster-state/request-tokens.ts';
import { jsonLines } from '../../src/runtime/json-lines.ts';
import { objectPath } from '../../src/runtime/resource-path.ts';
import { namespaceAllowed } from '../../src/scheduling/selection.ts';
import { parseDuration } from '../../src/values/duration.ts';
import {
  contains,
  formatAddress,
  overlap,
  parseAddress,
  parseNetwork,
  parseRange,
} from '../../src/values/ip-address.ts';
import { formatQuantity, parseQuantity } from '../../src/values/quantity.ts';
import { safeText } from '../../src/values/safe-text.ts';
import { fuzz } from './fuzz.ts';
import { specSchema, valuesOf } from './schema-arbitrary.ts';

/** Texts that look like one of a format, with some characters changed. */
const near = (characters: string, maxLength = 24): fc.Arbitrary<string> =>
  fc.oneof(fc.string({ unit: fc.constantFrom(...characters), maxLength }), fc.string({ unit: 'grapheme', maxLength }));

fuzz(
  'quantity',
  'is undefined or a whole number of bytes that is written and read again',
  near('0123456789.eE+-kKMGTPi '),
  (text) => {
    const bytes = parseQuantity(text);
    if (bytes === undefined) return;
    expect(Number.isSafeInteger(bytes) && bytes >= 0).toBe(true);
    expect(parseQuantity(formatQuantity(bytes))).toBe(bytes);
  },
);

const sizes = valuesOf(specSchema('shares').properties?.size ?? {}) as fc.Arbitrary<string>;

fuzz('size', 'what the API server takes is read, unless it is beyond what it takes', sizes, (text) => {
  const [, digits = '', exponent = '0', suffix = ''] =
    /^([0-9.]+)(?:[eE][+]?([0-9]+))?([kKMGTPE]i?)?$/.exec(text) ?? [];
  const powers = ['', 'k', 'M', 'G', 'T', 'P', 'E'];
  const power = powers.indexOf(suffix.replace('i', '').replace('K', 'k'));
  const exact = Number(digits) * 10 ** Number(exponent) * (suffix.endsWith('i') ? 1024 : 1000) ** power;
  const bytes = parseQuantity(text);
  if (exact < 2 ** 52) expect(Math.abs((bytes ?? Number.NaN) - exact)).toBeLessThanOrEqual(1 + exact * 1e-12);
});

const timeouts = valuesOf(specSchema('storagebackends').properties?.operationTimeout ?? {}) as fc.Arbitrary<string>;

fuzz('timeout', 'what the API server takes is read', timeouts, (text) => {
  if (/^0.*0$/.test(text) || /^0[0-9]/.test(text)) return;
  expect(parseDuration(text), text).toBeGreaterThanOrEqual(0);
});

fuzz('duration', 'is undefined or not negative', near('0123456789.hmsnuµ -'), (text) => {
  const ms = parseDuration(text);
  if (ms !== undefined) expect(ms).toBeGreaterThanOrEqual(0);
});

fuzz(
  'address',
  'has one spelling, and lies in the network of its own prefix',
  near('0123456789abcdef:./%-', 45),
  (text) => {
    const address = parseAddress(text);
    if (address !== undefined) {
      const spelled = formatAddress(address);
      expect(parseAddress(spelled)).toEqual(address);
      const alone = parseNetwork(`${spelled}/${address.family === 4 ? 32 : 128}`);
      expect(alone).toMatchObject({ first: address.value, last: address.value, hostBits: false });
    }
    const network = parseNetwork(text);
    if (network !== undefined) {
      expect(network.first <= network.last).toBe(true);
      expect(contains(network, network) && overlap(network, network)).toBe(true);
    }
    const range = parseRange(text);
    if (range !== undefined) expect(typeof range.first).toBe('bigint');
  },
);

fuzz('path', 'a name stays one segment of its own place', fc.string({ unit: 'grapheme', maxLength: 40 }), (name) => {
  let path: string;
  try {
    path = objectPath(shares, { namespace: 'team', name });
  } catch (error) {
    // What is no text at all can not be sent either.
    expect(error instanceof TypeError || error instanceof URIError).toBe(true);
    return;
  }
  const url = new URL(path, 'https://api.example.com');
  expect(url.pathname.split('/')).toHaveLength(
    '/apis/sharenet.io/v1alpha1/namespaces/team/shares/name'.split('/').length,
  );
  expect([url.search, url.hash]).toEqual(['', '']);
  expect(decodeURIComponent(url.pathname.split('/').at(-1) ?? '')).toBe(name);
});

fuzz('token', 'is short and printable', fc.string({ unit: 'binary', maxLength: 80 }), (text) => {
  const printable = [...text].every((character) => character >= ' ' && character <= '~');
  expect(isToken(text)).toBe(printable && text.length >= 1 && text.length <= 64);
});

fuzz('text', 'is cut and has nothing that moves a cursor', fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
  for (const shown of [safeText(text, 100), plainText(text)]) {
    expect(shown).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}]/u);
    expect(shown.isWellFormed()).toBe(text.isWellFormed() || shown.isWellFormed());
  }
  expect([...safeText(text, 100)].length).toBeLessThanOrEqual(100);
});

type Requirement = {
  readonly key: string;
  readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
  readonly values?: string[];
};
const key = fc.constantFrom('a', 'b', 'constructor', '__proto__', 'toString');
const value = fc.constantFrom('', 'x', 'y');
const requirement: fc.Arbitrary<Requirement> = fc.oneof(
  fc.record({
    key,
    operator: fc.constantFrom('In' as const, 'NotIn' as const),
    values: fc.array(value, { minLength: 1 }),
  }),
  fc.record({ key, operator: fc.constantFrom('Exists' as const, 'DoesNotExist' as const) }),
);
const labelled = fc.array(fc.tuple(key, value)).map((pairs): Record<string, string> => Object.fromEntries(pairs));

fuzz(
  'selector',
  'chooses as Kubernetes does',
  fc.tuple(labelled, fc.array(requirement)),
  ([labels, matchExpressions]) => {
    const known = new Map(Object.entries(labels));
    const chosen = matchExpressions.every(({ key: name, operator, values = [] }) => {
      const present = known.get(name);
      if (operator === 'Exists') return present !== undefined;
      if (operator === 'DoesNotExist') return present === undefined;
      return operator === 'In' ? values.some((one) => one === present) : !values.some((one) => one === present);
    });
    expect(namespaceAllowed({ from: 'Selector', selector: { matchExpressions } }, labels)).toBe(chosen);
  },
);

test('stream: of a watch brings whole values or an error, never a part of one', { timeout: 60_000 }, async () => {
  const runs = Number(process.env.FUZZ_RUNS ?? 200);
  const line = fc.oneof(
    fc.json().map((text) => ({ text, valid: true })),
    fc.string({ maxLength: 20 }).map((text) => ({ text: text.replaceAll('\n', ''), valid: false })),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(line, { maxLength: 6 }), fc.nat({ max: 60 }), async (lines, size) => {
      const bytes = Buffer.from(lines.map(({ text }) => `${text}\n`).join(''));
      const read: unknown[] = [];
      let failed = false;
      try {
        for await (const batch of jsonLines(pieces(bytes, size + 1))) read.push(...batch);
      } catch (error) {
        failed = true;
        expect(error).toBeInstanceOf(Error);
      }
      const expected: unknown[] = [];
      for (const { text } of lines) {
        if (text.trim() === '') continue;
        try {
          expected.push(JSON.parse(text));
        } catch {
          expect(failed).toBe(true);
          break;
        }
      }
      if (failed) expect(expected.slice(0, read.length)).toEqual(read);
      else expect(read).toEqual(expected);
    }),
    { numRuns: runs },
  );
});

async function* pieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size);
}
