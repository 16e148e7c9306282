/** How much of something is allowed over time. */
export interface Rate {
  /** Of the unit that is taken. */
  readonly perSecond: number;
  /** Most that is saved up while nothing is taken. */
  readonly burst: number;
}

/** A token bucket. What is only known afterwards may be taken beyond what is there: later takers wait for it. */
export class TokenBucket {
  readonly #rate: Rate;
  #tokens: number;
  #at: number;

  /** @param now milliseconds of a clock that never goes back */
  constructor(rate: Rate, now: number) {
    this.#rate = rate;
    this.#tokens = rate.burst;
    this.#at = now;
  }

  /** Whether anything may be taken now. */
  allows(now: number): boolean {
    this.#fill(now);
    return this.#tokens > 0;
  }

  take(amount: number, now: number): void {
    this.#fill(now);
    this.#tokens -= amount;
  }

  /** Whether it is as it was in the beginning. */
  isFull(now: number): boolean {
    this.#fill(now);
    return this.#tokens >= this.#rate.burst;
  }

  #fill(now: number): void {
    const { perSecond, burst } = this.#rate;
    this.#tokens = Math.min(burst, this.#tokens + (perSecond * Math.max(0, now - this.#at)) / 1000);
    this.#at = now;
  }
}
