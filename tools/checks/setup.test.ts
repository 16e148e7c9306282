import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../..');
const tooling = ['Makefile', 'tools/node/find.sh'];

let checkout: string;

beforeEach(async () => {
  checkout = await mkdtemp(join(tmpdir(), 'sharenet-setup-'));
  for (const file of tooling) {
    await mkdir(dirname(join(checkout, file)), { recursive: true });
    await cp(join(root, file), join(checkout, file));
  }
  // What runs this test is new enough: nothing has to be fetched.
  await mkdir(join(checkout, 'node_modules/.bin'), { recursive: true });
  await mkdir(join(checkout, 'package'));
  const script = "node -e \"require('fs').writeFileSync(process.env.INIT_CWD + '/script-ran', String())\"";
  const scripts = { preinstall: script, install: script, postinstall: script, prepare: script };
  await writeFile(
    join(checkout, 'package/package.json'),
    JSON.stringify({ name: 'hostile', version: '1.0.0', scripts }),
  );
  await writeFile(
    join(checkout, 'package.json'),
    JSON.stringify({ name: 'checkout', version: '1.0.0', dependencies: { hostile: 'file:package' } }),
  );
  const npm = await npmEnvironment();
  await run('npm', ['install', '--package-lock-only', '--offline', '--ignore-scripts'], { cwd: checkout, env: npm });
});

afterEach(async () => {
  await rm(checkout, { recursive: true, force: true });
});

async function npmEnvironment(): Promise<NodeJS.ProcessEnv> {
  const programs = join(checkout, 'programs');
  await mkdir(programs, { recursive: true });
  await symlink(process.execPath, join(programs, 'node')).catch(() => {});
  return { ...process.env, PATH: `${programs}:${process.env.PATH}` };
}

test('make setup runs no script of a package', async () => {
  await run('make', ['setup'], { cwd: checkout, env: await npmEnvironment() });
  expect(await readdir(join(checkout, 'node_modules'))).toContain('hostile');
  expect(await readdir(checkout)).not.toContain('script-ran');
});

test('npm ci by hand runs none either', async () => {
  await cp(join(root, '.npmrc'), join(checkout, '.npmrc'));
  await run('npm', ['ci', '--offline'], { cwd: checkout, env: await npmEnvironment() });
  expect(await readdir(join(checkout, 'node_modules'))).toContain('hostile');
  expect(await readdir(checkout)).not.toContain('script-ran');
});
