import { describe, expect, test } from 'vitest';
import { printTable, type Row } from './table.ts';
import type { Terminal } from './terminal.ts';

/** What is printed at a width; colours are shown as <colour>. */
function printed(columns: number | undefined, rows: readonly Row[]): readonly string[] {
  const lines: string[] = [];
  const terminal: Terminal = {
    columns,
    line: (text) => void lines.push(text),
    tell: () => expect.unreachable('a table tells nothing'),
    paint: (color, text) => `<${color}>${text}</>`,
  };
  printTable(terminal, ['NAME', 'PHASE', 'REASON'], rows);
  return lines;
}

const long = 'the directory did not take the machine account of the server';

describe('a table', () => {
  test('has columns as wide as their longest field, and rows over all of them', () => {
    const rows: readonly Row[] = [
      [{ text: 'a-long-name' }, { text: 'active', color: 'green' }, { text: '' }],
      'a line',
      [{ text: 'b' }, { text: 'error', color: 'red' }, { text: long }],
    ];
    expect(printed(undefined, rows)).toEqual([
      'NAME          PHASE    REASON',
      'a-long-name   <green>active</>',
      'a line',
      `b             <red>error</>    ${long}`,
    ]);
  });

  test('cuts the last column to the terminal, and nothing where there is none', () => {
    const rows: readonly Row[] = [[{ text: 'net-1' }, { text: 'error' }, { text: long }], long];
    expect(printed(undefined, rows)[1]).toContain(long);
    const lines = printed(40, rows);
    expect(lines.map((line) => line.length)).toEqual([22, 40, 40]);
    expect(lines[1]).toMatch(/^net-1 {3}error {3}the directory .*…$/);
  });

  test('shows no control characters, and what they would do to the columns', () => {
    expect(printed(undefined, [[{ text: '\u001b[31mnet\r\n' }, { text: 'x' }, { text: 'y\u009b2J' }]])[1]).toBe(
      'net    x       y',
    );
  });
});
