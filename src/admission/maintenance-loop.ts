import { BackOff } from '../runtime/back-off.ts';
import type { Clock } from '../runtime/clock.ts';

/** Longest pause between two passes, in milliseconds; a pass without changes sends no request. */
const longestPauseMs = 12 * 3_600_000;
const backOffBaseMs = 200;
const backOffMaxMs = 60_000;

/** Repeats a pass when something changed, when the time that the last pass gave has come, and after a failure. */
export class MaintenanceLoop {
  readonly #clock: Clock;
  readonly #random: () => number;
  #woken = Promise.withResolvers<void>();

  constructor({ clock, random }: { readonly clock: Clock; readonly random: () => number }) {
    this.#clock = clock;
    this.#random = random;
  }

  /** Starts the next pass at once, or after the present one. */
  wake(): void {
    this.#woken.resolve();
  }

  /**
   * Runs until the signal is aborted.
   * @param pass returns when to run again at the latest, in milliseconds since the Unix epoch
   */
  async run(pass: () => Promise<number>, onFailure: (error: unknown) => void, signal: AbortSignal): Promise<void> {
    const backOff = new BackOff({ baseMs: backOffBaseMs, maxMs: backOffMaxMs, random: this.#random });
    while (!signal.aborted) {
      this.#woken = Promise.withResolvers<void>();
      let pauseMs: number;
      try {
        const until = await pass();
        backOff.reset();
        pauseMs = Math.min(Math.max(0, until - this.#clock.now()), longestPauseMs * (0.5 + this.#random() / 2));
      } catch (error) {
        onFailure(error);
        pauseMs = backOff.next();
      }
      const rest = new AbortController();
      const over = this.#clock.sleep(pauseMs, AbortSignal.any([signal, rest.signal])).catch(() => undefined);
      await Promise.race([over, this.#woken.promise]);
      rest.abort();
    }
  }
}
