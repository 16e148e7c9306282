/** What became of checks and tests. */
export interface Outcome {
  readonly passed: number;
  readonly skipped: number;
  /** One for each that failed. */
  readonly failures: readonly Failure[];
}

export interface Failure {
  readonly name: string;
  /** What a person needs to see, of any number of lines. */
  readonly text: string;
}

export function addUp(outcomes: readonly Outcome[]): Outcome {
  return {
    passed: outcomes.reduce((sum, { passed }) => sum + passed, 0),
    skipped: outcomes.reduce((sum, { skipped }) => sum + skipped, 0),
    failures: outcomes.flatMap(({ failures }) => failures),
  };
}

/** The last line of a run: `12 passed, 0 failed`, and what was skipped if anything was. */
export function summary({ passed, skipped, failures }: Outcome): string {
  return `${passed} passed, ${failures.length} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}

/** One line about a step that has ended; `startedAt` by `performance.now()`. */
export function stepLine(ok: boolean, startedAt: number, name: string): string {
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  return `${ok ? 'ok    ' : 'FAILED'} ${seconds.padStart(6)} s  ${name}`;
}
