/**
 * Checks the language of the documentation against words.yml. exceptions.json has the pages that still use expressions of that list,
 * and how many at most; the numbers may only go down.
 *
 *   node tools/prose/check.ts            fails with file, line and what to write instead
 *   node tools/prose/check.ts --lower    lowers the numbers of exceptions.json to what is there, then checks
 */
import { glob, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hitsOf, problemsOf } from './prose.ts';

const root = join(import.meta.dirname, '../..');
const exceptionsFile = join(import.meta.dirname, 'exceptions.json');

const checked = [
  'README.md',
  'CHANGELOG.md',
  'SECURITY.md',
  'CONTRIBUTING.md',
  'docs/*.md',
  'docs/{decisions,tutorials}/*.md',
  'src/api/v1alpha1/{condition-types,reasons/*}.ts',
];

const files: string[] = [];
for await (const file of glob(checked, { cwd: root })) files.push(file);
const hits = await hitsOf(root, files.sort());
let allowed: Record<string, number> = JSON.parse(await readFile(exceptionsFile, 'utf8'));

if (process.argv.includes('--lower')) {
  const lowered = Object.entries(allowed).map(([file, most]) => [file, Math.min(most, hits.get(file)?.length ?? 0)]);
  allowed = Object.fromEntries(lowered.filter(([, most]) => most !== 0));
  await writeFile(exceptionsFile, `${JSON.stringify(allowed, undefined, 2)}\n`);
}

const problems = problemsOf(hits, allowed);
if (problems.length > 0) {
  console.error(problems.join('\n'));
  process.exitCode = 1;
}
