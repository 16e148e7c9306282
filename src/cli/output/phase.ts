import type { Cell } from './table.ts';
import type { Color } from './terminal.ts';

/** What a phase means for who reads it: settled, at work, or in need of somebody. An unknown one is at work. */
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
