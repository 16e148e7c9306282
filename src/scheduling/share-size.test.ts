import { expect, test } from 'vitest';
import { sizeProblem } from './share-size.ts';

test.each<[size: string | number, problem: RegExp | undefined]>([
  ['10', /^size 10 is 10 bytes, and a share has at least 1Mi: .* for 10 GiB write 10Gi$/],
  [10, /for 10 GiB write 10Gi$/],
  ['1023Ki', /is 1047552 bytes, .*in bytes$/],
  ['1k', /is 1000 bytes/],
  ['0.5', /is 1 bytes/],
  ['1Mi', undefined],
  [1048576, undefined],
  ['1M', /is 1000000 bytes/],
  ['10Gi', undefined],
  ['1e9', undefined],
  ['none', undefined],
])('%s: %s', (size, problem) => {
  if (problem === undefined) expect(sizeProblem(size)).toBeUndefined();
  else expect(sizeProblem(size)).toMatch(problem);
});
