import { DriverError, type DriverErrorOptions } from '../errors.ts';

/** Makes failures whose reasons are those of a catalogue. */
export interface Failures<Reason extends string> {
  /** This request can't work, now or later. The message is for the tenant: what, where, which input, what to do. */
  rejected(reason: Reason, message: string): DriverError;
  /** What the call is about is not on the storage system. */
  notFound(reason: Reason, message: string): DriverError;
  /** The call may work later. @param detail for the log and the administrator only */
  unavailable(reason: Reason, message: string, detail?: string): DriverError;
  /** Any failure. */
  failure(options: DriverErrorOptions & { readonly reason: Reason }): DriverError;
}

/** Failures with any reason. A driver narrows the type to the reasons of its catalogue. */
export const failures: Failures<string> = {
  rejected: (reason, message) => new DriverError({ kind: 'Rejected', reason, message }),
  notFound: (reason, message) => new DriverError({ kind: 'NotFound', reason, message }),
  unavailable: (reason, message, detail) =>
    new DriverError({ kind: 'Unavailable', reason, message, ...(detail ? { detail } : {}) }),
  failure: (options) => new DriverError(options),
};

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
