import type { Cell } from './table.ts';
import type { Color } from './terminal.ts';

/** What a phase means to a reader: settled, in progress, or waiting for a person. An unknown one is in progress. */
const colors: Readonly<Record<string, Color>> = {
  active: 'green',
  available: 'green',
  error: 'red',
  error_deleting: 'red',
};

/** The phase of an object as a cell. */
export function phaseCell(phase: string | undefined): Cell {
  if (phase === undefined) return { text: '' };
  return { text: phase, color: Object.hasOwn(colors, phase) ? colors[phase] : 'yellow' };
}
