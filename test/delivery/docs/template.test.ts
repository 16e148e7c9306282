import { execFile } from 'node:child_process';
import { readdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { readPage } from './pages.ts';
import { copyTemplate } from './template-copy.ts';

const root = join(import.meta.dirname, '../../..');
const run = promisify(execFile);

test('a copy of the template, renamed as the guide says, compiles and passes conformance', {
  timeout: 300_000,
}, async () => {
  const { folder, runGuide } = await copyTemplate(await readPage('docs/driver-authors.md'));
  // Nothing of the template's name is left.
  expect((await readdir(join(folder, 'src/drivers/mystorage'))).filter((name) => name.includes('template'))).toEqual(
    [],
  );
  // What is compiled: the copy, and what it imports.
  await rename(join(folder, 'tsconfig.json'), join(folder, 'tsconfig.base.json'));
  const tsconfig = { extends: './tsconfig.base.json', include: ['src/drivers/mystorage'] };
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(tsconfig));
  await run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', '.', '--pretty', 'false'], {
    cwd: folder,
  });
  // First the copy's, then the template's own.
  for (const number of [1, 2]) {
    expect(await runGuide('test/delivery/docs/template.test.ts', number)).toMatch(/Tests {2}\d+ passed/);
  }
});
