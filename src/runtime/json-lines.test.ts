import fc from 'fast-check';
import { expect, it } from 'vitest';
import { jsonLines } from './json-lines.ts';

async function* pieces(bytes: Buffer, cuts: readonly number[]): AsyncGenerator<Buffer> {
  let start = 0;
  for (const cut of [...cuts, bytes.length].map((at) => Math.min(at, bytes.length)).sort((a, b) => a - b)) {
    yield bytes.subarray(start, cut);
    start = cut;
  }
}

it('reads the same values however the stream is cut, also within a character', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.json(), { maxLength: 8 }), fc.array(fc.nat(300)), async (values, cuts) => {
      const lines = values.map((value) => JSON.stringify({ value, text: 'äß𝄞' }));
      const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
      const read: unknown[] = [];
      for await (const batch of jsonLines(pieces(bytes, cuts))) read.push(...batch);
      expect(read).toEqual(lines.map((line) => JSON.parse(line)));
    }),
  );
});

it('reads a line of many pieces in linear time', async () => {
  const line = Buffer.from(`${JSON.stringify('x'.repeat(20_000_000))}\n`);
  const cuts = Array.from({ length: 20_000 }, (_, index) => (index + 1) * 1000);
  const started = performance.now();
  for await (const [value] of jsonLines(pieces(line, cuts))) expect(value).toHaveLength(20_000_000);
  // Joining the pieces again at each would copy 200 GB.
  expect(performance.now() - started).toBeLessThan(5_000);
});
