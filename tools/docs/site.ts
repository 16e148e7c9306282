/**
 * Builds the documentation site from docs/ into docs/site/.vitepress/dist, and looks whether its links lead somewhere.
 *
 *   node tools/docs/site.ts           installs the site's packages where they are missing, builds
 *
 * `SHARENET_REPOSITORY_URL`: where links to files of the repository lead; `SHARENET_DOCS_BASE`: the path it is served under.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { brokenLinks } from './site-links.ts';

const site = join(import.meta.dirname, '../../docs/site');
const dist = join(site, '.vitepress/dist');
const base = process.env.SHARENET_DOCS_BASE ?? '/';

/** Runs a program in the site's folder. @throws with what it printed when it fails */
async function run(program: string, args: readonly string[]): Promise<string> {
  const child = spawn(program, args, { cwd: site, stdio: ['ignore', 'pipe', 'pipe'] });
  const chunks: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  const [code] = await once(child, 'close');
  const output = Buffer.concat(chunks).toString();
  if (code !== 0) throw new Error(`${[program, ...args].join(' ')} in docs/site ended with ${code}:\n${output}`);
  return output;
}

/** What was installed is recognised by a copy of the lockfile. */
async function install(): Promise<void> {
  const [lock, stamp] = [join(site, 'package-lock.json'), join(site, 'node_modules/.installed-package-lock.json')];
  const installed = await readFile(stamp, 'utf8').catch(() => undefined);
  if (installed === (await readFile(lock, 'utf8'))) return;
  await run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']);
  await copyFile(lock, stamp);
}

try {
  await install();
  await run(process.execPath, ['node_modules/vitepress/bin/vitepress.js', 'build', '.']);
  const { pages, broken } = await brokenLinks(dist, base);
  if (broken.length > 0) throw new Error(broken.join('\n'));
  console.log(`docs/site/.vitepress/dist: ${pages} pages, all links lead somewhere`);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
