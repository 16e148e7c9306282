import { RefusedWrite } from '../../runtime/api-error.ts';
import { backOffDelay } from '../../runtime/back-off.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { ObjectName } from '../../runtime/kube-object.ts';
import type { Readiness } from './readiness.ts';

/** First and longest pause of a write that is for one of many objects of a pass, below those of the controller's queue. */
const restDelays = { baseMs: 250, maxMs: 15_000 };

interface Entry {
  readonly readiness: Readiness;
  readonly refused: RefusedWrite;
  /** When it was last reported, by {@link RefusedWrites.tick}. */
  at: number;
  readonly failures: number;
  /** Not to be tried before, milliseconds since the Unix epoch. */
  readonly notBefore: number;
  /** What the write follows was done outside: it need not be done again. */
  readonly isDone: boolean;
}

/**
 * The writes that the API server refuses, by the object that they are for. While an entry is there, every status of the object says so
 * (StatusDraft): a pass that is repeated must not announce its first steps each time, and so bring the object back at once.
 */
export class RefusedWrites {
  /** By UID of the object, then by the work that reported it. */
  readonly #entries = new Map<string, Map<string, Entry>>();
  readonly #uidsOf = new Map<string, Set<string>>();
  readonly #reported = new WeakSet<RefusedWrite>();
  readonly #clock: Clock;
  readonly #random: () => number;
  #ticks = 0;

  constructor(options: { readonly clock: Clock; readonly random: () => number }) {
    this.#clock = options.clock;
    this.#random = options.random;
  }

  /** A number that grows: what is reported later has a greater one. */
  tick(): number {
    this.#ticks += 1;
    return this.#ticks;
  }

  /** What an object says of the refusal; undefined where there is none. */
  readinessOf(uid: string): Readiness | undefined {
    return this.#any(uid)?.readiness;
  }

  /**
   * Asks by a dry run whether the write that was refused for an object still is; without a refusal it asks nothing. To be called
   * before a driver is asked for what this write is to keep.
   * @throws RefusedWrite while it is refused
   */
  async stillRefused(uid: string): Promise<void> {
    try {
      await this.#any(uid)?.refused.tryAgain();
    } catch (error) {
      // A conflict, or a name that is taken meanwhile: the write itself finds out.
      if (error instanceof RefusedWrite) throw error;
    }
  }

  /**
   * Notes a refusal.
   * @param isDone what the write follows was done outside of the cluster
   * @returns whether it is news
   */
  note(uid: string, by: string, refused: RefusedWrite, readiness: Readiness, isDone: boolean): boolean {
    const entries = this.#entries.get(uid) ?? new Map<string, Entry>();
    const before = entries.get(by);
    const failures = before === undefined ? 0 : before.failures + 1;
    const notBefore = this.#clock.now() + backOffDelay(failures, { ...restDelays, random: this.#random });
    this.#entries.set(uid, entries.set(by, { readiness, refused, at: this.tick(), failures, notBefore, isDone }));
    this.#uidsOf.set(by, (this.#uidsOf.get(by) ?? new Set()).add(uid));
    return before?.readiness.message !== readiness.message;
  }

  /** Whether a write was refused a moment ago: it counts as refused in this pass, too. */
  rests(uid: string, by: string): boolean {
    const entry = this.#entries.get(uid)?.get(by);
    if (entry === undefined || entry.notBefore <= this.#clock.now()) return false;
    entry.at = this.tick();
    return true;
  }

  /** Whether what the refused write follows was done outside of the cluster. */
  isDone(uid: string, by: string): boolean {
    return this.#entries.get(uid)?.get(by)?.isDone === true;
  }

  /** A refusal that a work reported since a moment. */
  reported(by: string, since: number): RefusedWrite | undefined {
    for (const uid of this.#uidsOf.get(by) ?? []) {
      const entry = this.#entries.get(uid)?.get(by);
      if (entry !== undefined && entry.at >= since) return entry.refused;
    }
    return undefined;
  }

  /** Forgets what a work reported of an object: it succeeded. */
  clear(uid: string, by: string): void {
    const entries = this.#entries.get(uid);
    entries?.delete(by);
    if (entries?.size === 0) this.#entries.delete(uid);
    const uids = this.#uidsOf.get(by);
    uids?.delete(uid);
    if (uids?.size === 0) this.#uidsOf.delete(by);
  }

  /** Forgets what a work reported before a moment: it was done since and nothing was refused. @returns whether there was something */
  settle(by: string, since: number): boolean {
    const over = [...(this.#uidsOf.get(by) ?? [])].filter((uid) => (this.#entries.get(uid)?.get(by)?.at ?? 0) < since);
    for (const uid of over) this.clear(uid, by);
    return over.length > 0;
  }

  /** Marks a refusal that the object concerned already shows: the pass that it ends is about another object. */
  markReported(refused: RefusedWrite): RefusedWrite {
    this.#reported.add(refused);
    return refused;
  }

  isReported(refused: RefusedWrite): boolean {
    return this.#reported.has(refused);
  }

  #any(uid: string): Entry | undefined {
    return this.#entries.get(uid)?.values().next().value;
  }
}

/** Names the work of a controller on a key. */
export function workOf(controller: string, { namespace = '', name }: ObjectName): string {
  return `${controller}/${namespace}/${name}`;
}
