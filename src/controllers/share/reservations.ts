/** A backend's space is probed at least this often, in milliseconds, with some tolerance. */
const probedWithinMs = 150_000;

interface Reservation {
  readonly backendName: string;
  readonly bytes: number;
  /** When the share was created; undefined: not yet. */
  readonly madeAt?: number;
}

/** Reservations of one backend. */
interface Reserved {
  /** Sum of the reservations. */
  bytes: number;
  shares: number;
  /** UIDs of created shares in the order of their creation, with its time. */
  readonly made: Map<string, number>;
}

/**
 * Space of shares that were placed since a backend was last probed: its reported capacity does not include them. Every method takes the
 * same time, however many shares there are.
 */
export class Reservations {
  readonly #shares = new Map<string, Reservation>();
  readonly #backends = new Map<string, Reserved>();
  /** UIDs of shares by the key of the share server that they are about to be placed on, and the other way round. */
  readonly #assigned = new Map<string, Set<string>>();
  readonly #serverOf = new Map<string, string>();

  /** Reserves the space of a share that is placed on a backend. */
  add(backendName: string, shareUID: string, bytes: number): void {
    this.#forget(shareUID);
    this.#shares.set(shareUID, { backendName, bytes });
    const reserved = this.#backends.get(backendName) ?? { bytes: 0, shares: 0, made: new Map<string, number>() };
    reserved.bytes += bytes;
    reserved.shares += 1;
    this.#backends.set(backendName, reserved);
  }

  /** Records that a share was created: a later probe includes it, even if that does not show (thin provisioning). */
  made(shareUID: string, now: number): void {
    const reservation = this.#shares.get(shareUID);
    if (reservation === undefined) return;
    this.#shares.set(shareUID, { ...reservation, madeAt: now });
    const made = this.#backends.get(reservation.backendName)?.made;
    made?.delete(shareUID);
    made?.set(shareUID, now);
  }

  /** Bytes reserved on a backend for other shares. */
  bytesOn(backendName: string, exceptShareUID: string, now: number): number {
    const reserved = this.#backends.get(backendName);
    for (const [uid, madeAt] of reserved?.made ?? []) {
      if (madeAt + probedWithinMs >= now) break;
      this.#forget(uid);
    }
    const own = this.#shares.get(exceptShareUID);
    return (reserved?.bytes ?? 0) - (own?.backendName === backendName ? own.bytes : 0);
  }

  /** The backend reported another capacity, which includes the created shares: their reservations end. */
  probed(backendName: string): void {
    for (const uid of [...(this.#backends.get(backendName)?.made.keys() ?? [])]) this.#forget(uid);
  }

  /** Reserves a place on a share server, until the status of the share shows it. */
  assign(serverKey: string, shareUID: string): void {
    this.#unassign(shareUID);
    this.#serverOf.set(shareUID, serverKey);
    this.#assigned.set(serverKey, (this.#assigned.get(serverKey) ?? new Set<string>()).add(shareUID));
  }

  /** The cache shows the share on the server: the reservation of its place ends. */
  seen(serverKey: string, shareUID: string): void {
    if (this.#serverOf.get(shareUID) === serverKey) this.#unassign(shareUID);
  }

  /** How many shares a server has, with those that are about to be placed on it. */
  sharesOn(serverKey: string, placedUIDs: readonly string[]): number {
    for (const uid of placedUIDs) this.seen(serverKey, uid);
    return placedUIDs.length + (this.#assigned.get(serverKey)?.size ?? 0);
  }

  /** Ends the reservations of a share that is gone. */
  release(shareUID: string): void {
    this.#unassign(shareUID);
    this.#forget(shareUID);
  }

  #forget(shareUID: string): void {
    const reservation = this.#shares.get(shareUID);
    if (reservation === undefined) return;
    const { backendName, bytes } = reservation;
    this.#shares.delete(shareUID);
    const reserved = this.#backends.get(backendName);
    if (reserved === undefined) return;
    reserved.bytes -= bytes;
    reserved.shares -= 1;
    reserved.made.delete(shareUID);
    if (reserved.shares === 0) this.#backends.delete(backendName);
  }

  #unassign(shareUID: string): void {
    const serverKey = this.#serverOf.get(shareUID);
    if (serverKey === undefined) return;
    this.#serverOf.delete(shareUID);
    const shares = this.#assigned.get(serverKey);
    shares?.delete(shareUID);
    if (shares?.size === 0) this.#assigned.delete(serverKey);
  }
}
