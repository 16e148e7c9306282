import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { templatesVariable } from './template.ts';

/** Set-up of a test run: what its labs begin with is made once. */
export async function setup(): Promise<() => Promise<void>> {
  const directory = await mkdtemp(join(tmpdir(), 'sharenet-lab-'));
  process.env[templatesVariable] = directory;
  return async () => {
    delete process.env[templatesVariable];
    await rm(directory, { recursive: true, force: true });
  };
}
