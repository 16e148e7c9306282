import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { headingSlug } from '../../../docs/site/heading-slug.ts';

const root = join(import.meta.dirname, '../../..');

/**
 * What becomes of a block of commands, by the words after its language:
 * - `run`: run by commands.test.ts; `run-watch`: the same, for a command that goes on until it is stopped
 * - `run-by FILE`: run by that test
 * - `not-run WHY`: by none
 */
export interface Mark {
  readonly kind: 'run' | 'run-watch' | 'run-by' | 'not-run';
  /** The file, or the reason. */
  readonly text: string;
}

/** A fenced block. */
export interface Block {
  /** Line of its fence, from 1. */
  readonly line: number;
  readonly language: string;
  /** Undefined where it has none, or one that is not known. */
  readonly mark: Mark | undefined;
  readonly text: string;
}

/** A page of the documentation. */
export interface Page {
  /** Path in the repository. */
  readonly path: string;
  readonly blocks: readonly Block[];
  /** Anchors of its headings. */
  readonly anchors: ReadonlySet<string>;
  readonly links: readonly { readonly line: number; readonly target: string }[];
}

/** Reads the front page of the repository and every page below docs/. */
export async function readPages(): Promise<readonly Page[]> {
  const docs = await readdir(join(root, 'docs'), { recursive: true, withFileTypes: true });
  const paths = docs
    .filter((entry) => entry.isFile() && entry.name.endsWith('.md'))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .filter((path) => !path.startsWith('docs/site/'));
  return await Promise.all(['README.md', ...paths.sort()].map(readPage));
}

/** Reads one page by its path in the repository. */
export async function readPage(path: string): Promise<Page> {
  const blocks: Block[] = [];
  const anchors = new Map<string, number>();
  const links: { line: number; target: string }[] = [];
  let open: { line: number; info: string; indent: string; text: string[] } | undefined;
  for (const [index, line] of (await readFile(join(root, path), 'utf8')).split('\n').entries()) {
    const fence = /^( *)```(.*)$/.exec(line);
    if (open !== undefined) {
      if (fence === null) open.text.push(line.slice(open.indent.length));
      else {
        blocks.push(blockOf(open.line, open.info, open.text.join('\n')));
        open = undefined;
      }
      continue;
    }
    if (fence !== null) {
      open = { line: index + 1, info: fence[2] ?? '', indent: fence[1] ?? '', text: [] };
      continue;
    }
    const heading = /^#+\s+(.*)$/.exec(line)?.[1];
    if (heading !== undefined) {
      const slug = headingSlug(heading);
      anchors.set(slug, (anchors.get(slug) ?? 0) + 1);
    }
    for (const [, inline, reference] of line.matchAll(/\]\(([^)\s]+)\)|^\[[^\]]+\]:\s+(\S+)/g)) {
      links.push({ line: index + 1, target: inline ?? reference ?? '' });
    }
  }
  if (open !== undefined) throw new Error(`${path}:${open.line}: the block does not end`);
  const names = [...anchors].flatMap(([slug, count]) =>
    Array.from({ length: count }, (_, index) => (index === 0 ? slug : `${slug}-${index}`)),
  );
  return { path, blocks, anchors: new Set(names), links };
}

function blockOf(line: number, info: string, text: string): Block {
  const [, language = '', kind = '', rest = ''] = /^(\S*)\s*(\S*)\s*(.*)$/.exec(info.trim()) ?? [];
  return { line, language, mark: markOf(kind, rest), text };
}

function markOf(kind: string, text: string): Mark | undefined {
  if (kind === 'run' || kind === 'run-watch') return text === '' ? { kind, text } : undefined;
  if (kind === 'run-by' || kind === 'not-run') return text === '' ? undefined : { kind, text };
  return undefined;
}
