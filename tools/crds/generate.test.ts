import { execFile } from 'node:child_process';
import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

function generate(...args: string[]) {
  return promisify(execFile)(process.execPath, [join(import.meta.dirname, 'generate.ts'), ...args]);
}

test('the committed files are what the interfaces say', async () => {
  expect(await generate('--check')).toMatchObject({ stderr: '' });
}, 60_000);

test('the check names the files that differ or should not be there', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'sharenet-crds-'));
  try {
    await generate('--directory', directory);
    await appendFile(join(directory, 'sharenet.io_shares.yaml'), '# altered\n');
    await writeFile(join(directory, 'sharenet.io_others.yaml'), '');
    const failure = await generate('--check', '--directory', directory).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 1 });
    expect(failure).toMatchObject({ stderr: expect.stringMatching(/shares\.yaml: differs.*others\.yaml: differs/s) });
    expect(failure).not.toMatchObject({ stderr: expect.stringContaining('sharenetworks') });
  } finally {
    await rm(directory, { recursive: true });
  }
}, 60_000);
