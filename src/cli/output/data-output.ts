import { stringify } from 'yaml';
import { plainText } from './plain-text.ts';
import type { Terminal } from './terminal.ts';

/** How a command prints what it found, where it is not for people. */
export const dataFormats = ['json', 'yaml'] as const;

export type DataFormat = (typeof dataFormats)[number];

/** Formats of commands that print a table: `wide` cuts nothing and has more columns. */
export const tableFormats = ['wide', ...dataFormats] as const;

export type TableFormat = (typeof tableFormats)[number];

/** Prints data; texts in it are made plain, since this too is read on terminals. */
export function printData(terminal: Terminal, format: DataFormat, data: unknown): void {
  const plain = plainData(data);
  const text = format === 'json' ? JSON.stringify(plain, null, 2) : stringify(plain, { lineWidth: 0 });
  terminal.line(text.trimEnd());
}

/** Data as YAML, with every text in it made plain. */
export function yamlOf(data: unknown): string {
  return stringify(plainData(data), { lineWidth: 0 });
}

/** The data with every text in it made plain. */
export function plainData(value: unknown): unknown {
  if (typeof value === 'string') return plainText(value);
  if (Array.isArray(value)) return value.map(plainData);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, field]) => (field === undefined ? [] : [[plainText(key), plainData(field)]])),
  );
}
