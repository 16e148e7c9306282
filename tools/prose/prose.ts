import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, extname, join } from 'node:path';
import { TextlintKernel, type TextlintKernelOptions } from '@textlint/kernel';

/** A use of an expression of words.yml. */
export interface Hit {
  readonly file: string;
  readonly line: number;
  /** The expression and what to write instead, as `anew => again`. */
  readonly message: string;
}

/** The expressions, and what to write instead of each. */
export const wordsFile = join(import.meta.dirname, 'words.yml');

// They are CommonJS modules with a default export, which Node and vitest import differently.
const require = createRequire(import.meta.url);
const { default: markdown } = require('@textlint/textlint-plugin-markdown');
const { default: text } = require('@textlint/textlint-plugin-text');
const { default: prh } = require('textlint-rule-prh');

const kernel = new TextlintKernel();

const options: Omit<TextlintKernelOptions, 'ext'> = {
  configBaseDir: dirname(wordsFile),
  plugins: [
    { pluginId: 'markdown', plugin: markdown },
    { pluginId: 'text', plugin: text, options: { extensions: ['.ts'] } },
  ],
  rules: [{ ruleId: 'prh', rule: prh, options: { rulePaths: [wordsFile], checkBlockQuote: true, checkLink: true } }],
};

/** Finds the expressions in a text: in Markdown outside code blocks and inline code, in other files everywhere. */
export async function hitsIn(file: string, source: string): Promise<readonly Hit[]> {
  const { messages } = await kernel.lintText(source, { ...options, ext: extname(file), filePath: file });
  return messages.map(({ line, message }) => ({ file, line, message: message.replace(/\s+/g, ' ') }));
}

/**
 * Compares what files use with what is allowed.
 *
 * @param allowed - hits allowed at most, by file; a file that is not named may have none
 * @returns a line for each hit of a file that has too many, and for each number that is higher than what is there
 */
export function problemsOf(
  hits: ReadonlyMap<string, readonly Hit[]>,
  allowed: Readonly<Record<string, number>>,
): readonly string[] {
  const tooMany = [...hits].flatMap(([file, found]) => {
    const most = allowed[file] ?? 0;
    if (found.length <= most) return [];
    const lines = found.map(({ line, message }) => `${file}:${line}: ${message}`);
    return most === 0 ? lines : [...lines, `${file}: ${found.length} hits, allowed are ${most}`];
  });
  const tooHigh = Object.entries(allowed).flatMap(([file, most]) => {
    const found = hits.get(file)?.length;
    if (found === undefined)
      return [`tools/prose/exceptions.json: ${file} does not exist or is not checked; remove it`];
    if (found === 0) return [`tools/prose/exceptions.json: ${file} has no hits any more; remove it`];
    return found < most ? [`tools/prose/exceptions.json: ${file}: lower ${most} to ${found}`] : [];
  });
  return [...tooMany, ...tooHigh];
}

/** Reads the files and finds the expressions in each. */
export async function hitsOf(root: string, files: readonly string[]): Promise<ReadonlyMap<string, readonly Hit[]>> {
  const found = new Map<string, readonly Hit[]>();
  for (const file of files) found.set(file, await hitsIn(file, await readFile(join(root, file), 'utf8')));
  return found;
}
