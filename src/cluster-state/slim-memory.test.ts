import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import { slimObject, slimSecret } from './slim-object.ts';

setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');

function heapOf(make: (index: number) => unknown, count: number): number {
  collect();
  const before = process.memoryUsage().heapUsed;
  const kept = Array.from({ length: count }, (_, index) => make(index));
  collect();
  const used = process.memoryUsage().heapUsed - before;
  expect(kept).toHaveLength(count);
  return used / count;
}

const parsed = (object: object) => JSON.parse(JSON.stringify(object));

it('what is kept of an object takes no more memory than it says: not that of what was cut off', () => {
  const text = 'A'.repeat(250_000);
  const perObject = heapOf(
    (index) => slimObject(parsed({ metadata: { name: `n${index}`, annotations: { 'sharenet.io/x': text + index } } })),
    200,
  );
  expect(perObject).toBeLessThan(20_000);
  const perSecret = heapOf(
    (index) => slimSecret(parsed({ metadata: { name: `n${index}` }, data: { password: 'aA==', pad: text + index } })),
    200,
  );
  expect(perSecret).toBeLessThan(20_000);
});
