import { styleText } from 'node:util';
import { plainText } from './plain-text.ts';

export type Color = 'green' | 'yellow' | 'red' | 'dim';

/** Where a command writes. */
export interface Terminal {
  /** Width of standard output; undefined where that is not a terminal. */
  readonly columns: number | undefined;
  /** Writes a line that was made plain already to standard output. */
  line(text: string): void;
  /** Tells something on standard error, on one plain line. */
  tell(text: string): void;
  /** The text in a colour, where colours are wanted. */
  paint(color: Color, text: string): string;
}

/** The terminal of this process. Colours are for terminals only, and not where NO_COLOR says so. */
export function processTerminal({ stdout, stderr }: Pick<NodeJS.Process, 'stdout' | 'stderr'>): Terminal {
  return {
    // A terminal that does not know its size says 0.
    columns: (stdout.isTTY && stdout.columns) || undefined,
    line: (text) => void stdout.write(`${text}\n`),
    tell: (text) => void stderr.write(`${plainText(text)}\n`),
    paint: (color, text) => styleText(color, text, { stream: stdout }),
  };
}
