/** A probe of the backend's space comes at least that often, in milliseconds, with some slack. */
const probedWithinMs = 150_000;

interface Reservation {
  readonly bytes: number;
  /** When the share was made; undefined: not yet. */
  readonly madeAt?: number;
}

/** Space of shares that were placed since a backend was last probed: its reported capacity does not know of them. */
export class Reservations {
  readonly #bytes = new Map<string, Map<string, Reservation>>();
  readonly #assigned = new Map<string, Set<string>>();

  /** Notes a placement. */
  add(backendName: string, shareUID: string, bytes: number): void {
    for (const shares of this.#bytes.values()) shares.delete(shareUID);
    const shares = this.#bytes.get(backendName) ?? new Map<string, Reservation>();
    this.#bytes.set(backendName, shares.set(shareUID, { bytes }));
  }

  /** Notes that a share was made: a later probe counts it, also where that does not show (thin provisioning). */
  made(shareUID: string, now: number): void {
    for (const shares of this.#bytes.values()) {
      const reservation = shares.get(shareUID);
      if (reservation !== undefined) shares.set(shareUID, { ...reservation, madeAt: now });
    }
  }

  /** Bytes reserved on a backend for other shares. */
  bytesOn(backendName: string, exceptShareUID: string, now: number): number {
    let sum = 0;
    for (const [uid, { bytes, madeAt }] of this.#bytes.get(backendName) ?? []) {
      const counted = madeAt !== undefined && madeAt + probedWithinMs < now;
      if (uid !== exceptShareUID && !counted) sum += bytes;
    }
    return sum;
  }

  /** The backend told another capacity: forgets the shares that were made, which are part of it. */
  probed(backendName: string): void {
    const shares = this.#bytes.get(backendName);
    for (const [uid, { madeAt }] of shares ?? []) if (madeAt !== undefined) shares?.delete(uid);
  }

  /** Notes which share server a share is about to be placed on: until its status says so, nobody else can see it. */
  assign(serverKey: string, shareUID: string): void {
    for (const shares of this.#assigned.values()) shares.delete(shareUID);
    const shares = this.#assigned.get(serverKey) ?? new Set<string>();
    this.#assigned.set(serverKey, shares.add(shareUID));
  }

  /** How many shares a server has, with those that are about to be placed on it. */
  sharesOn(serverKey: string, placedUIDs: readonly string[]): number {
    const assigned = this.#assigned.get(serverKey) ?? new Set<string>();
    // What the cache shows needs no note any more.
    for (const uid of placedUIDs) assigned.delete(uid);
    if (assigned.size === 0) this.#assigned.delete(serverKey);
    return placedUIDs.length + assigned.size;
  }

  /** Forgets a share that is gone or was placed elsewhere. */
  release(shareUID: string): void {
    for (const [server, shares] of this.#assigned)
      if (shares.delete(shareUID) && shares.size === 0) this.#assigned.delete(server);
    for (const shares of this.#bytes.values()) shares.delete(shareUID);
  }
}
