/** The first and the longest delay of a row of failures. */
export interface BackOffOptions {
  readonly baseMs: number;
  readonly maxMs: number;
  /** A number in [0, 1). */
  readonly random: () => number;
}

/** Exponentially growing delays with jitter (between half and the whole of the step), until reset. */
export class BackOff {
  readonly #options: BackOffOptions;
  #failures = 0;

  constructor(options: BackOffOptions) {
    this.#options = options;
  }

  /** Failures since the last reset. */
  get failures(): number {
    return this.#failures;
  }

  /** Milliseconds to wait before the next attempt. */
  next(): number {
    return backOffDelay(this.#failures++, this.#options);
  }

  reset(): void {
    this.#failures = 0;
  }
}

/** The delay in milliseconds after `failures` earlier failures. */
export function backOffDelay(failures: number, options: BackOffOptions): number {
  const step = Math.min(options.maxMs, options.baseMs * 2 ** Math.min(failures, 40));
  return step * (0.5 + options.random() / 2);
}
