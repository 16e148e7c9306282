import type { Clock } from '../../runtime/clock.ts';

/** Failed driver calls cause a probe of their backend at most once in this time. */
const suspicionIntervalMs = 5000;

/** When a backend is probed next if nothing changes. */
interface NextProbe {
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
  /** Whether the driver asked for a longer pause than usual. */
  readonly isPausing: boolean;
  /** Digest of the configuration and credentials that were probed last. */
  readonly driverKey: string;
}

/** When each backend is probed next, by name. */
export class ProbeSchedule {
  readonly #clock: Clock;
  readonly #next = new Map<string, NextProbe>();
  /** When a failed call last caused a probe, or will. */
  readonly #suspectedAt = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Undefined before the first probe. */
  nextOf(backendName: string): NextProbe | undefined {
    return this.#next.get(backendName);
  }

  set(backendName: string, next: NextProbe): void {
    this.#next.set(backendName, next);
  }

  /** The next pass probes the backend. */
  clear(backendName: string): void {
    this.#next.delete(backendName);
  }

  /** A call failed in a way that an outage explains. @returns whether the next probe was moved forward */
  suspect(backendName: string): boolean {
    const next = this.#next.get(backendName);
    if (next === undefined) return false;
    const earliest = (this.#suspectedAt.get(backendName) ?? 0) + suspicionIntervalMs;
    const at = Math.max(this.#clock.now(), earliest);
    if (at >= next.at) return false;
    this.#next.set(backendName, { ...next, at });
    this.#suspectedAt.set(backendName, at);
    return true;
  }

  /** The backend is gone. */
  forget(backendName: string): void {
    this.#next.delete(backendName);
    this.#suspectedAt.delete(backendName);
  }
}
