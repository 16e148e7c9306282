import { DriverError } from '../errors.ts';
import { type Failures, failures } from './failures.ts';
import type { KitReason } from './reasons.ts';

const { failure }: Failures<KitReason> = failures;

/** The failure of a call that was aborted. @param who did not finish, such as `host a` */
export function abortedError({ reason }: AbortSignal, who: string): DriverError {
  if (reason instanceof DriverError) return reason;
  const timedOut = reason instanceof Error && reason.name === 'TimeoutError';
  const message = `${who} did not finish in the time given`;
  return failure({
    kind: 'Unavailable',
    reason: timedOut ? 'OperationTimeout' : 'OperationAborted',
    message,
    cause: reason,
  });
}

/** @throws DriverError `Unavailable` when the signal has aborted */
export function throwIfAborted(signal: AbortSignal, who: string): void {
  if (signal.aborted) throw abortedError(signal, who);
}

/** Waits for work, or until the signal aborts; the work continues then. @throws the signal's reason as soon as it aborts */
export async function unlessAborted<Result>(work: Promise<Result>, signal: AbortSignal): Promise<Result> {
  // After an abort no one waits for the work: its failure is then not an unhandled rejection.
  work.catch(() => {});
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const abort = (): void => aborted.reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
