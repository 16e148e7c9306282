/** Space of shares that were placed since a backend was last probed: its reported capacity does not know of them. */
export class Reservations {
  readonly #bytes = new Map<string, Map<string, number>>();
  readonly #assigned = new Map<string, Set<string>>();

  /** Notes a placement. */
  add(backendName: string, shareUID: string, bytes: number): void {
    const shares = this.#bytes.get(backendName) ?? new Map<string, number>();
    this.#bytes.set(backendName, shares.set(shareUID, bytes));
  }

  /** Bytes reserved on a backend for other shares. */
  bytesOn(backendName: string, exceptShareUID: string): number {
    let sum = 0;
    for (const [uid, bytes] of this.#bytes.get(backendName) ?? []) if (uid !== exceptShareUID) sum += bytes;
    return sum;
  }

  /** Forgets shares of a backend that `isCounted` says are part of the capacity as probed just now. */
  probed(backendName: string, isCounted: (shareUID: string) => boolean): void {
    const shares = this.#bytes.get(backendName);
    if (shares === undefined) return;
    for (const uid of [...shares.keys()]) if (isCounted(uid)) shares.delete(uid);
    if (shares.size === 0) this.#bytes.delete(backendName);
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
