import { DriverError } from '../../drivers/errors.ts';

/**
 * The failure of a driver call that a retry would not change.
 * @throws everything else: it is retried
 */
export function finalFailure(thrown: unknown): DriverError {
  if (thrown instanceof DriverError && thrown.kind !== 'Unavailable') return thrown;
  throw thrown;
}
