import { existsSync } from 'node:fs';
import { join, posix } from 'node:path';
import { describe, expect, test } from 'vitest';
import { navigation, topBar } from '../../../docs/site/navigation.ts';
import { type Page, readPages } from './pages.ts';
import { lacks } from './run-by.ts';

const root = join(import.meta.dirname, '../../..');
const pages = await readPages();
const byPath = new Map(pages.map((page) => [page.path, page]));
/** Languages of blocks that a reader types. */
const shells = new Set(['sh', 'bash', 'console', 'shell']);

describe('the pages of the documentation', () => {
  test('every block of commands says which test runs it, or why none does', async () => {
    const problems: string[] = [];
    for (const { path, blocks } of pages) {
      for (const { line, language, mark } of blocks.filter((block) => shells.has(block.language))) {
        if (mark === undefined) problems.push(`${path}:${line}: ${language} without run, run-by FILE or not-run WHY`);
        else if (mark.kind === 'run-by' && !exists(mark.text)) {
          problems.push(`${path}:${line}: there is no ${mark.text}`);
        }
      }
    }
    expect(problems).toEqual([]);
  });

  test('a test that is named for a block types it from the page, or has its words', async () => {
    const problems: string[] = [];
    for (const page of pages) {
      for (const block of page.blocks.filter(({ mark }) => mark?.kind === 'run-by')) {
        const { line, mark } = block;
        const file = mark?.text ?? '';
        const missing = exists(file) ? await lacks(page, block, file) : [];
        if (missing.length > 0) problems.push(`${page.path}:${line}: ${file} has not: ${missing.join(', ')}`);
      }
    }
    expect(problems).toEqual([]);
  });

  test('every link within the repository leads to a file, and to a heading that it has', async () => {
    const problems: string[] = [];
    for (const page of pages) {
      for (const { line, target } of page.links) {
        const problem = await linkProblem(page, target);
        if (problem !== undefined) problems.push(`${page.path}:${line}: ${target}: ${problem}`);
      }
    }
    expect(problems).toEqual([]);
  });

  test('the navigation has every page once, and no other', () => {
    const linked = navigation.flatMap(({ items }) => items.map(({ link }) => pathOf(link)));
    const present = pages.map(({ path }) => path);
    const elsewhere = (path: string) =>
      ['README.md', 'docs/index.md'].includes(path) || /^docs\/decisions\/\d/.test(path);
    expect([...linked].sort()).toEqual(present.filter((path) => !elsewhere(path)));
    expect(topBar.map(({ link }) => pathOf(link)).filter((path) => !linked.includes(path))).toEqual([]);
  });

  test('every decision is in their list', () => {
    const listed = byPath.get('docs/decisions/index.md')?.links.map(({ target }) => `docs/decisions/${target}`);
    const present = pages.map(({ path }) => path).filter((path) => /^docs\/decisions\/\d/.test(path));
    expect(listed).toEqual(present);
  });
});

function pathOf(link: string): string {
  return `docs${link.endsWith('/') ? `${link}index` : link}.md`;
}

function exists(path: string): boolean {
  return existsSync(join(root, path));
}

async function linkProblem(page: Page, target: string): Promise<string | undefined> {
  if (/^[a-z]+:/.test(target)) return undefined;
  const [file = '', anchor] = target.split('#', 2);
  const path = file === '' ? page.path : posix.join(posix.dirname(page.path), file);
  const linked = byPath.get(path);
  if (linked === undefined && !exists(path)) return `there is no ${path}`;
  if (anchor === undefined || linked?.anchors.has(anchor) === true) return undefined;
  return `${path} has no such heading`;
}
