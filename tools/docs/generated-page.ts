import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { parseArgs } from 'node:util';

/** A page that is made from something else. */
interface GeneratedPage {
  /** Its path in the repository. */
  readonly path: string;
  /** What it is made from, for whom edits the wrong file. */
  readonly source: string;
  /** The generator's path in the repository. */
  readonly generator: string;
  readonly text: string;
}

/**
 * Writes a page where it differs. With the flag `--check` nothing is written, and the process fails when it differs; `--file` names
 * another place for it.
 */
export async function writeGeneratedPage({ path, source, generator, text }: GeneratedPage): Promise<void> {
  const {
    values: { check, file },
  } = parseArgs({
    options: {
      check: { type: 'boolean', default: false },
      file: { type: 'string', default: join(import.meta.dirname, '../..', path) },
    },
  });
  const present = await readFile(file, 'utf8').catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (text === present) return;
  const name = relative(process.cwd(), file);
  if (check) {
    console.error(`${name}: differs from ${source}; run node ${generator}`);
    process.exitCode = 1;
  } else {
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
    console.log(`${name}: written`);
  }
}

/** A table of Markdown; what is in a cell is shown as it is. */
export function table(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.map(escaped).join(' | ')} |\n`;
  return [line(columns), line(columns.map(() => '---')), ...rows.map(line)].join('');
}

/** Text of a program, for a cell or a sentence. */
export function code(text: string): string {
  return `\`${text}\``;
}

function escaped(cell: string): string {
  return cell.replaceAll('|', '\\|').replaceAll('<', '&lt;');
}
