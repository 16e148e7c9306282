import { AsyncLocalStorage } from 'node:async_hooks';
import { setImmediate as nextTurn } from 'node:timers/promises';

/** How long one piece of asynchronous work has had the thread. */
export interface ThreadMeter {
  /** The longest time in one turn of the event loop, milliseconds: so long nothing else was served. */
  longestMs: number;
  /** All turns together, milliseconds. */
  totalMs: number;
  /** The turn that was measured last, and the time in it. */
  turn: number;
  turnMs: number;
}

const meters = new AsyncLocalStorage<ThreadMeter>();
/** Whose code has the thread in this turn, and since when. */
let current: ThreadMeter | undefined;
let since = 0;
let turn = 0;
let turnEnds = false;

export function threadMeter(): ThreadMeter {
  return { longestMs: 0, totalMs: 0, turn: -1, turnMs: 0 };
}

/** Does work whose time on the thread counts on the meter, also where it goes on after it waited. */
export function metered<R>(meter: ThreadMeter, work: () => R): R {
  return meters.run(meter, () => {
    markThread();
    return work();
  });
}

/**
 * Says that the code that runs now has the thread from here on: until the next mark, or the end of this turn of the event loop. To
 * be called where code goes on after it waited for the outside, and where code begins that belongs to no meter. The event loop tells
 * no more than that it was blocked, and hooks on each promise would cost more than most reconciles do.
 */
export function markThread(): void {
  const now = performance.now();
  if (current !== undefined) charge(current, now - since);
  current = meters.getStore();
  since = now;
  if (current === undefined || turnEnds) return;
  turnEnds = true;
  setImmediate(() => {
    // Here no reconcile's code runs: the end of the turn is charged, and the wait for what comes next is not.
    if (current !== undefined) charge(current, performance.now() - since);
    current = undefined;
    turnEnds = false;
    turn++;
  });
}

/** Lets everything else that waits for the thread have its turn. */
export async function breathe(): Promise<void> {
  await nextTurn();
  markThread();
}

function charge(meter: ThreadMeter, ms: number): void {
  if (meter.turn !== turn) {
    meter.turn = turn;
    meter.turnMs = 0;
  }
  meter.turnMs += ms;
  meter.totalMs += ms;
  meter.longestMs = Math.max(meter.longestMs, meter.turnMs);
}
