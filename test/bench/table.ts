/** One figure of the bench. */
export interface Row {
  readonly what: string;
  readonly figure: string;
  /** What it is held against. */
  readonly against?: string;
}

/** Prints rows as they come, aligned. */
export function printRow({ what, figure, against = '' }: Row): void {
  process.stdout.write(`${what.padEnd(58)} ${figure.padEnd(44)} ${against}\n`);
}

/** Prints a heading. */
export function printHeading(text: string): void {
  process.stdout.write(`\n${text}\n${'-'.repeat(text.length)}\n`);
}

/** Seconds with two digits. */
export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`;
}

/** Bytes in MiB. */
export function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 2 ** 20)} MiB`;
}
