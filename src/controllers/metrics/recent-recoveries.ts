/** How long a recovery counts, in milliseconds. */
const windowMs = 3600_000;
/** A share with fewer recoveries has no series: a few follow a change, a reset or a lost Secret. */
const minReported = 3;
/** More are not kept: no alert has a higher threshold. */
const maxKept = 50;

/** Shares whose access rules were recovered repeatedly in the last hour. */
export class RecentRecoveries {
  /** Times of recoveries, by `namespace/name` of the share. */
  readonly #times = new Map<string, number[]>();

  /** A recovery has ended. */
  add(share: string, now: number): void {
    const times = this.#times.get(share) ?? [];
    times.push(now);
    this.#times.set(share, times.slice(-maxKept));
  }

  /** The share is gone. */
  forget(share: string): void {
    this.#times.delete(share);
  }

  /** Number of recoveries by share, for shares with three or more. */
  repeated(now: number): ReadonlyMap<string, number> {
    const repeated = new Map<string, number>();
    for (const [share, times] of this.#times) {
      const recent = times.filter((time) => time > now - windowMs);
      if (recent.length === 0) this.#times.delete(share);
      else this.#times.set(share, recent);
      if (recent.length >= minReported) repeated.set(share, recent.length);
    }
    return repeated;
  }
}
