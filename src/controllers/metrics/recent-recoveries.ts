/** How long a recovery counts, in milliseconds. */
const windowMs = 3600_000;
/** From so many on a share is worth a series; a few come with a change, a reset or a lost Secret. */
const worthTelling = 3;
/** More than that are not kept: the number is past every bound that somebody watches. */
const mostKept = 50;

/** Which shares had their access rules recovered again and again in the last hour. */
export class RecentRecoveries {
  /** Times of recoveries, by `namespace/name` of the share. */
  readonly #times = new Map<string, number[]>();

  /** Notes a recovery. */
  add(share: string, now: number): void {
    const times = this.#times.get(share) ?? [];
    times.push(now);
    this.#times.set(share, times.slice(-mostKept));
  }

  /** Forgets a share that is gone. */
  forget(share: string): void {
    this.#times.delete(share);
  }

  /** Numbers of recoveries by share, of those that had three or more. */
  repeated(now: number): ReadonlyMap<string, number> {
    const repeated = new Map<string, number>();
    for (const [share, times] of this.#times) {
      const recent = times.filter((time) => time > now - windowMs);
      if (recent.length === 0) this.#times.delete(share);
      else this.#times.set(share, recent);
      if (recent.length >= worthTelling) repeated.set(share, recent.length);
    }
    return repeated;
  }
}
