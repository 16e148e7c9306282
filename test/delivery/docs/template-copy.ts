import { execFile } from 'node:child_process';
import { cp, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { onTestFinished } from 'vitest';
import type { Page } from './pages.ts';

const root = join(import.meta.dirname, '../../..');
const run = promisify(execFile);

/** What an author has after the guide's first step: a checkout with a copy of the template in `src/drivers/mystorage`. */
export interface TemplateCopy {
  readonly folder: string;
  /** Runs commands of the guide that are marked as run by a test, by their number from 0; answers what they wrote. */
  runGuide(test: string, index?: number): Promise<string>;
}

/** Copies what a driver needs of the checkout, and the template as the guide says. It is removed after the test. */
export async function copyTemplate({ blocks }: Page): Promise<TemplateCopy> {
  const folder = await mkdtemp(join(tmpdir(), 'sharenet-template-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  for (const name of ['src', 'package.json', 'tsconfig.json', 'vitest.config.ts']) {
    await cp(join(root, name), join(folder, name), { recursive: true });
  }
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
  const runGuide = async (test: string, index = 0): Promise<string> => {
    const block = blocks.filter(({ mark }) => mark?.text === test)[index];
    if (block === undefined) throw new Error(`the guide has no commands number ${index} that are run by ${test}`);
    const path = [join(root, 'tools/node/node_modules/.bin'), join(root, 'node_modules/.bin'), process.env.PATH ?? ''];
    const env = { ...process.env, PATH: path.join(':'), NO_COLOR: '1' };
    return (await run('bash', ['-euc', block.text], { cwd: folder, env })).stdout;
  };
  await runGuide('test/delivery/docs/template.test.ts');
  return { folder, runGuide };
}
