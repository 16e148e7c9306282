import { cut, plainText } from './plain-text.ts';
import type { Color, Terminal } from './terminal.ts';

/** A field of a table; its text may be anything. */
export interface Cell {
  readonly text: string;
  readonly color?: Color | undefined;
}

/** A row: cells in columns, or a text over all columns. */
export type Row = readonly Cell[] | string;

const gap = '   ';
/** Below this the last column is not worth cutting: the line wraps. */
const leastWidth = 20;

/** Prints rows in columns. The last column is cut to the width of the terminal unless it is to be `whole`; the others are never. */
export function printTable(
  to: Terminal,
  header: readonly string[],
  rows: readonly Row[],
  options: { readonly whole?: boolean } = {},
): void {
  const terminal: Terminal = options.whole ? { ...to, columns: undefined } : to;
  const plain = rows.map(
    (row): Row =>
      typeof row === 'string' ? plainText(row) : row.map(({ text, color }) => ({ text: plainText(text), color })),
  );
  const all: readonly Row[] = [header.map((text) => ({ text })), ...plain];
  const widths = header.map((_, column) =>
    Math.max(...all.map((row) => (typeof row === 'string' ? 0 : widthOf(row[column]?.text ?? '')))),
  );
  for (const row of all)
    terminal.line(typeof row === 'string' ? fitted(terminal, row) : rowLine(terminal, row, widths));
}

function rowLine(terminal: Terminal, row: readonly Cell[], widths: readonly number[]): string {
  let line = '';
  let used = 0;
  for (const [column, { text, color }] of row.entries()) {
    const last = column === widths.length - 1;
    const shown = last ? fitted(terminal, text, used) : text;
    const padding = last ? '' : ' '.repeat((widths[column] ?? 0) - widthOf(shown)) + gap;
    line += (color === undefined || shown === '' ? shown : terminal.paint(color, shown)) + padding;
    used += widthOf(shown) + padding.length;
  }
  return line.trimEnd();
}

function fitted(terminal: Terminal, text: string, used = 0): string {
  return terminal.columns === undefined ? text : cut(text, Math.max(terminal.columns - used, leastWidth));
}

const widthOf = (text: string): number => [...text].length;
