import { readFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import type { Block, Page } from './pages.ts';

const root = join(import.meta.dirname, '../../..');

/** Flags that say nothing about what is done. Which values a chart has is looked up in the chart. */
const everywhere = new Set(['--set', '--all', '--type', '--overwrite', '--timeout', '--namespace', '--all-namespaces']);

/**
 * What a test lacks that a block is said to be run by. A test that reads the page types its blocks as they are. Of any other one the
 * source, with the files beside tests that it imports, must have the words of the commands that are the same whatever objects are
 * called: subcommands of make, Helm and kubectl sharenet, flags, annotations, folders of config/.
 *
 * @param file the test, which must exist, by its path in the repository
 */
export async function lacks(page: Page, block: Block, file: string): Promise<readonly string[]> {
  const source = await readFile(join(root, file), 'utf8');
  if (source.includes(`readPage('${page.path}')`) && source.includes(`'${file}'`)) return [];
  const all = [source, ...(await Promise.all(importsOf(source, file).map((path) => readFile(path, 'utf8'))))].join(
    '\n',
  );
  const words = wordsOf(block.text);
  if (words.length === 0) return ['a readPage of the page: its commands have no words to go by'];
  return words.filter((word) => !hasWord(all, word));
}

/** Whether a text has a word, and not only as a part of a longer one. */
export function hasWord(text: string, word: string): boolean {
  const ends = (character = ''): boolean => !/[\w-]/.test(character);
  for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + 1)) {
    if (ends(text[at - 1]) && ends(text[at + word.length])) return true;
  }
  return false;
}

/** Modules of the tests that a test imports itself. */
function importsOf(source: string, file: string): readonly string[] {
  return [...source.matchAll(/ from '(\.[^']+)'/g)]
    .map(([, path = '']) => join(root, dirname(file), path))
    .filter((path) => relative(root, path).startsWith('test/'));
}

/** Words of commands that are the same whatever objects are called. */
function wordsOf(script: string): readonly string[] {
  return [...new Set(commandsOf(script).flatMap((command) => essence(command)))];
}

/** The commands of a script, each as its words. */
export function commandsOf(script: string): readonly (readonly [string, ...string[]])[] {
  const text = script.replaceAll(/\\\n\s*/g, ' ').replaceAll(/(^|\s)#.*$/gm, '');
  return text
    .split(/\n|&&|\|\||[;|]|\$\(/)
    .map((command) => command.trim().split(/\s+/))
    .flatMap(([program = '', ...rest]) => (program === '' ? [] : [[program, ...rest] as const]));
}

function essence([program, ...rest]: readonly [string, ...string[]]): readonly string[] {
  const [first = '', second = ''] = rest;
  return [
    ...(program.includes('/') ? [program] : []),
    ...(['make', 'helm'].includes(program) ? [first] : []),
    ...(program === 'kubectl' && first === 'sharenet' ? [second] : []),
    // What kubectl itself does to an object says too little; its flags and what is set by it do not.
    ...rest.flatMap((word) => /^--[a-z-]{2,}|^sharenet\.io\/[a-z]+(-[a-z]+)*|^config\/[a-z-]+/.exec(word)?.[0] ?? []),
  ].filter((word) => !everywhere.has(word));
}
