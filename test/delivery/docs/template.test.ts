import { execFile } from 'node:child_process';
import { cp, mkdtemp, readdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readPage } from './pages.ts';

const root = join(import.meta.dirname, '../../..');
const run = promisify(execFile);
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sharenet-template-'));
  for (const name of ['src', 'package.json', 'tsconfig.json', 'vitest.config.ts']) {
    await cp(join(root, name), join(folder, name), { recursive: true });
  }
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

test('a copy of the template, renamed as the guide says, compiles and passes conformance', {
  timeout: 300_000,
}, async () => {
  const { blocks } = await readPage('docs/driver-authors.md');
  const [copy, conformance] = blocks.filter(({ mark }) => mark?.text === 'test/delivery/docs/template.test.ts');
  if (copy === undefined || conformance === undefined) throw new Error('the guide has no such commands');
  await run('bash', ['-euc', copy.text], { cwd: folder });
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
  const { stdout } = await run('bash', ['-euc', conformance.text], {
    cwd: folder,
    env: {
      ...process.env,
      PATH: `${join(root, 'tools/node/node_modules/.bin')}:${process.env.PATH ?? ''}`,
      NO_COLOR: '1',
    },
  });
  expect(stdout).toMatch(/Tests {2}\d+ passed/);
});
