/** Takes one line of text for a person to read, without a line end. */
export type Log = (line: string) => void;

const intervalMilliseconds = 10_000;

function elapsed(since: number): string {
  const seconds = Math.round((performance.now() - since) / 1000);
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, '0')} s`;
}

/**
 * Runs a long step and tells a person about it: one line at its start, one every ten seconds with the time it has
 * taken and what it is at, one at its end.
 *
 * @param status what the step is at just now; may be empty
 * @throws what the step throws, unchanged and not logged
 */
export async function withProgress<T>(
  log: Log,
  title: string,
  status: () => string,
  step: () => Promise<T>,
): Promise<T> {
  const start = performance.now();
  log(title);
  const timer = setInterval(() => {
    const now = status();
    log(`  ${elapsed(start)}${now === '' ? '' : `: ${now}`}`);
  }, intervalMilliseconds);
  try {
    const result = await step();
    log(`  done in ${elapsed(start)}`);
    return result;
  } finally {
    clearInterval(timer);
  }
}
