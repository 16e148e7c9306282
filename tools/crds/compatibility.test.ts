import { execFile } from 'node:child_process';
import { copyFile, cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';

const root = join(import.meta.dirname, '../..');
const own = [
  'tools/crds/compatibility.ts',
  'tools/crds/incompatibilities.ts',
  'tools/crds/looser-rules.ts',
  'tools/crds/structural-schema.ts',
  'tools/crds/released',
  'crds',
  'package.json',
];

let copy: string;

beforeEach(async () => {
  copy = await mkdtemp(join(tmpdir(), 'sharenet-compatibility-'));
  for (const path of own) await cp(join(root, path), join(copy, path), { recursive: true });
  await symlink(join(root, 'node_modules'), join(copy, 'node_modules'));
});

afterEach(async () => {
  await rm(copy, { recursive: true });
});

/** What the command printed as errors, and whether it succeeded. */
async function run(...args: readonly string[]): Promise<{ readonly failed: boolean; readonly stderr: string }> {
  const command = promisify(execFile)(process.execPath, ['tools/crds/compatibility.ts', ...args], { cwd: copy });
  return await command.then(
    ({ stderr }) => ({ failed: false, stderr }),
    ({ stderr }: { stderr: string }) => ({ failed: true, stderr }),
  );
}

test('what breaks the last release fails, until it is released itself', { timeout: 60_000 }, async () => {
  expect(await run()).toEqual({ failed: false, stderr: '' });

  const file = join(copy, 'crds/sharenet.io_shares.yaml');
  const text = await readFile(file, 'utf8');
  expect(text).toContain('\n      - shr\n');
  await writeFile(file, text.replace('\n      - shr\n', '\n      - sr\n'));
  const { failed, stderr } = await run();
  expect(failed).toBe(true);
  expect(stderr).toMatch(
    /^shares\.sharenet\.io: the short name shr is gone\ncrds\/ breaks what release [\d.]+ promised: /,
  );

  // Of 99.9.0 and 99.10.0 the newer is the second.
  await run('--record', '99.10.0');
  const released = join(copy, 'tools/crds/released');
  await copyFile(join(released, '0.1.0.yaml'), join(released, '99.9.0.yaml'));
  expect(await run()).toEqual({ failed: false, stderr: '' });
});
