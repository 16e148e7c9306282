import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { hitsIn, problemsOf, wordsFile } from './prose.ts';

interface Rule {
  readonly pattern: string;
  readonly expected: string;
  readonly specs: readonly { readonly from: string }[];
}

const rules: readonly Rule[] = parse(await readFile(wordsFile, 'utf8')).rules;
const examples = rules.flatMap(({ expected, specs }) => specs.map(({ from }) => ({ from, expected })));

test.each(rules)('$pattern has an example', ({ specs }) => {
  expect(specs.length).toBeGreaterThan(0);
});

test.each(examples)('"$from" is found, with what to write instead', async ({ from, expected }) => {
  const hits = await hitsIn(
    'page.md',
    `# Page\n\n| a | ${from} |\n| --- | --- |\n\n- **${from}** and\n  [${from}](x.md)\n`,
  );
  expect(hits.map(({ line }) => line)).toEqual([3, 6, 7]);
  for (const { message } of hits) expect(message.endsWith(` => ${expected}`)).toBe(true);
});

test.each(examples)('"$from" is ignored in code', async ({ from }) => {
  expect(await hitsIn('page.md', `\`${from}\` is code.\n\n\`\`\`sh\n${from}\n\`\`\`\n\n    ${from}\n`)).toEqual([]);
});

test('an expression is found over the end of a line', async () => {
  const hits = await hitsIn('page.md', 'The last owner lets\ngo of it.\n');
  expect(hits).toEqual([{ file: 'page.md', line: 1, message: 'lets go => release' }]);
});

test('an expression is found in the strings of a source file', async () => {
  expect(await hitsIn('reasons.ts', "const meaning = 'made anew';\n")).toEqual([
    { file: 'reasons.ts', line: 1, message: 'anew => again' },
  ]);
});

test('plain words have no hit', async () => {
  expect(await hitsIn('page.md', 'The operator checks the share again and reports its phase.\n')).toEqual([]);
});

const hit = { file: 'a.md', line: 3, message: 'anew => again' };

test.each([
  ['no hit and no exception', [], {}, []],
  ['a hit', [hit], {}, ['a.md:3: anew => again']],
  ['as many hits as are allowed', [hit], { 'a.md': 1 }, []],
  [
    'more hits than are allowed',
    [hit, hit],
    { 'a.md': 1 },
    ['a.md:3: anew => again', 'a.md:3: anew => again', 'a.md: 2 hits, allowed are 1'],
  ],
  ['fewer hits than are allowed', [hit], { 'a.md': 2 }, ['tools/prose/exceptions.json: a.md: lower 2 to 1']],
  [
    'an exception for a page without hits',
    [],
    { 'a.md': 1 },
    ['tools/prose/exceptions.json: a.md has no hits any more; remove it'],
  ],
  [
    'an exception for a page that is not there',
    [],
    { 'b.md': 1 },
    ['tools/prose/exceptions.json: b.md does not exist or is not checked; remove it'],
  ],
] as const)('%s', (_, hits, allowed, problems) => {
  expect(problemsOf(new Map([['a.md', hits]]), allowed)).toEqual(problems);
});
