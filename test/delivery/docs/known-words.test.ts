import { access, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { runCommand } from '../../../src/cli/program.ts';
import { readPages } from './pages.ts';
import { commandsOf, hasWord } from './run-by.ts';

const root = join(import.meta.dirname, '../../..');
const pages = await readPages();

interface Command {
  /** Page and line. */
  readonly at: string;
  readonly words: readonly [string, ...string[]];
}

/** Every command that a page has: in blocks whatever their mark, and in its text. */
let commands: readonly Command[];
/** Text of all pages, and where each line is. */
let lines: readonly { readonly at: string; readonly text: string }[];

beforeAll(async () => {
  const texts = await Promise.all(
    pages.map(async ({ path }) => ({ path, text: await readFile(join(root, path), 'utf8') })),
  );
  lines = texts.flatMap(({ path, text }) =>
    text.split('\n').map((line, index) => ({ at: `${path}:${index + 1}`, text: line })),
  );
  const blocks = pages.flatMap(({ path, blocks: all }) =>
    all
      .filter(({ language, mark }) => language === '' || mark !== undefined)
      .map(({ line, text }) => ({ at: `${path}:${line}`, text: text.replaceAll(/^\s*\$ /gm, '') })),
  );
  const spans = lines.flatMap(({ at, text }) =>
    [...text.matchAll(/`([^`]+)`/g)].map(([, span = '']) => ({ at, text: span })),
  );
  commands = [...blocks, ...spans].flatMap(({ at, text }) => commandsOf(text).map((words) => ({ at, words })));
});

/** Commands of a program, and the words after its name. */
function commandsWith(...program: readonly string[]): readonly Command[] {
  return commands.filter(({ words }) => program.every((word, index) => words[index] === word));
}

async function helpOf(...command: readonly string[]): Promise<string> {
  const printed: string[] = [];
  const terminal = {
    columns: undefined,
    line: (text: string) => void printed.push(text),
    tell: (text: string) => void printed.push(text),
    paint: (_: string, text: string) => text,
  };
  await runCommand([...command, '--help'], { terminal, now: Date.now });
  return printed.join('\n');
}

async function sourcesOf(folder: string): Promise<string> {
  const entries = await readdir(join(root, folder), { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return (await Promise.all(files.map((file) => readFile(file, 'utf8')))).join('\n');
}

describe('what the pages name, also in commands that no test runs', () => {
  test('every target of make', async () => {
    const makefile = await readFile(join(root, 'Makefile'), 'utf8');
    const targets = new Set([...makefile.matchAll(/^([a-z0-9-]+):/gm)].map(([, target]) => target));
    const named = commandsWith('make').filter(({ words: [, target] }) => /^[a-z0-9-]+$/.test(target ?? ''));
    expect(named.length).toBeGreaterThan(10);
    expect(named.filter(({ words: [, target] }) => !targets.has(target)).map(told)).toEqual([]);
  });

  test('every command of the plugin, with its flags', async () => {
    const general = await helpOf();
    const named = commandsWith('kubectl', 'sharenet').filter(({ words: [, , command] }) =>
      /^[a-z-]+$/.test(command ?? ''),
    );
    expect(named.length).toBeGreaterThan(20);
    const wrong: string[] = [];
    for (const command of named) {
      const [, , name = '', second = ''] = command.words;
      const known = new RegExp(`^ {2}${name}\\b`, 'm').test(general);
      const help = known ? general + (await helpOf(name)) + (name === 'access' ? await helpOf(name, second) : '') : '';
      const flags = command.words.flatMap((word) => /^--?[a-z][a-z-]*/.exec(word)?.[0] ?? []);
      const unknown = flags.filter((flag) => !new RegExp(`(^|[\\s,])${flag}(?![\\w-])`, 'm').test(help));
      if (!known || unknown.length > 0) wrong.push(`${told(command)}: unknown: ${known ? unknown.join(' ') : name}`);
    }
    expect(wrong).toEqual([]);
  });

  test('every value of the chart that is set', async () => {
    const values: unknown = parse(await readFile(join(root, 'charts/sharenet/values.yaml'), 'utf8'));
    const has = (path: string): boolean => {
      let at = values;
      for (const name of path.split('.')) {
        if (typeof at !== 'object' || at === null || !(name in at)) return false;
        at = Reflect.get(at, name);
      }
      return true;
    };
    const set = commandsWith('helm').flatMap(({ at, words }) =>
      words
        .filter((_, index) => words[index - 1] === '--set')
        .map((word) => ({ at, path: word.replaceAll(/^['"]|=.*/g, '') })),
    );
    expect(set.length).toBeGreaterThan(3);
    expect(set.filter(({ path }) => !has(path))).toEqual([]);
  });

  test('every file of the repository that a command takes', async () => {
    const taken = commands.flatMap(({ at, words }) =>
      words
        .filter((word) => /^(config|charts|crds|hosts|krew|bin)\/[\w./-]+$/.test(word))
        .map((path) => ({ at, path })),
    );
    expect(taken.length).toBeGreaterThan(10);
    const missing: typeof taken = [];
    for (const file of taken) await access(join(root, file.path)).catch(() => missing.push(file));
    expect(missing).toEqual([]);
  });

  test('every annotation and label', async () => {
    const sources = (await Promise.all(['src', 'config'].map(sourcesOf))).join('\n');
    const named = lines.flatMap(({ at, text }) =>
      [...text.matchAll(/(?<![.\w])sharenet\.io\/[a-z]+(-[a-z]+)*(?!\w)/g)].map(([key]) => ({ at, key })),
    );
    expect(named.length).toBeGreaterThan(50);
    expect(named.filter(({ key }) => !hasWord(sources, key))).toEqual([]);
  });
});

function told({ at, words }: Command): string {
  return `${at}: ${words.join(' ')}`;
}
