/** Space of shares that were placed since a backend was last probed: its reported capacity does not know of them. */
export class Reservations {
  readonly #bytes = new Map<string, Map<string, number>>();

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
}
