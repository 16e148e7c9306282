import assert from 'node:assert/strict';
import { DriverError, type DriverErrorKind } from '../errors.ts';
import type { ConformanceSession } from './session.ts';

/** One thing that every driver must do. */
export interface ConformanceCase {
  /** A sentence. */
  readonly name: string;
  /** @throws Error that tells what the driver did instead; SkippedCase when it can't be tried */
  run(session: ConformanceSession): Promise<void>;
}

/** Expects a call to fail with a DriverError of one of the kinds. */
export async function expectFailure(call: Promise<unknown>, kinds: readonly DriverErrorKind[]): Promise<DriverError> {
  const thrown: unknown = await call.then(
    () => undefined,
    (error: unknown) => error,
  );
  assert(thrown !== undefined, `the call succeeded; expected a DriverError ${kinds.join(' or ')}`);
  assert(thrown instanceof DriverError, `the call failed with ${String(thrown)} instead of a DriverError`);
  assert(
    kinds.includes(thrown.kind),
    `the call failed as ${thrown.kind} (${thrown.message}); expected ${kinds.join(' or ')}`,
  );
  return thrown;
}
