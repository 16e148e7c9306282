import { DriverError, type DriverErrorOptions } from '../errors.ts';

/** This request can't work, now or later. The message is for the tenant: what, where, which input, what to do. */
export function rejected(reason: string, message: string): DriverError {
  return new DriverError({ kind: 'Rejected', reason, message });
}

/** What the call is about is not on the storage system. */
export function notFound(reason: string, message: string): DriverError {
  return new DriverError({ kind: 'NotFound', reason, message });
}

/** The call may work later. @param detail for the log and the administrator only */
export function unavailable(reason: string, message: string, detail?: string): DriverError {
  return new DriverError({ kind: 'Unavailable', reason, message, ...(detail ? { detail } : {}) });
}

/** The same failure with other values in some fields. */
export function changedError(error: DriverError, changes: Partial<DriverErrorOptions>): DriverError {
  const { kind, reason, message, detail, retryAfter, refusedCredentials, partial, cause } = error;
  return new DriverError({
    kind,
    reason,
    message,
    refusedCredentials,
    cause,
    ...(detail === undefined ? {} : { detail }),
    ...(retryAfter === undefined ? {} : { retryAfter }),
    ...(partial === undefined ? {} : { partial }),
    ...changes,
  });
}
