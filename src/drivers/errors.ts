import type { DriverExportLocation } from './driver.ts';

/**
 * What kind of failure a driver reports.
 * - `Unavailable`: transient; the operator tries again. A timeout is this, too.
 * - `Rejected`: this request can't work.
 * - `NotFound`: the thing asked for is not on the backend.
 * - `Internal`: a fault of the driver; also whatever else it throws.
 */
export type DriverErrorKind = 'Unavailable' | 'Rejected' | 'NotFound' | 'Internal';

/** What was already made before a call failed; stored so that tear-down finds it. */
export interface PartialResult {
  readonly identifier?: string;
  readonly backendDetails?: Readonly<Record<string, string>>;
  readonly exportLocations?: readonly DriverExportLocation[];
}

/** How a driver says that a call failed. */
export interface DriverErrorOptions {
  readonly kind: DriverErrorKind;
  /** CamelCase word that becomes a condition's reason. */
  readonly reason: string;
  /** One line for the tenant: what, where, which input, what to do. Never a secret, never an echo of a remote server. */
  readonly message: string;
  /** For the log and the administrator only. */
  readonly detail?: string;
  /** When to try again, in seconds; a hint. */
  readonly retryAfter?: number;
  /**
   * Ids of the security services whose credentials a directory refused: a wrong password, an account that is locked, disabled or
   * expired. Directories count such log-ins and lock accounts. The operator tries the same credentials again only when a person
   * changed something or asks for it, then with one call before all others. The failure is final, whatever its kind.
   */
  readonly refusedCredentials?: readonly string[];
  readonly partial?: PartialResult;
  readonly cause?: unknown;
}

/**
 * Marks what is thrown: a driver that is a file of its own has its own copy of these classes, and what it throws must count as
 * one of ours.
 */
const mark = Symbol.for('sharenet.io/driver-api/1/thrown');

function isMarked(value: unknown, as: 'DriverError' | 'InProgress'): boolean {
  return value instanceof Error && Reflect.get(value, mark) === as;
}

/** A failed driver call. */
export class DriverError extends Error {
  readonly [mark] = 'DriverError';
  readonly kind: DriverErrorKind;
  readonly reason: string;
  readonly detail: string | undefined;
  readonly retryAfter: number | undefined;
  readonly refusedCredentials: readonly string[];
  readonly partial: PartialResult | undefined;

  constructor(options: DriverErrorOptions) {
    super(options.message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'DriverError';
    this.kind = options.kind;
    this.reason = options.reason;
    this.detail = options.detail;
    this.retryAfter = options.retryAfter;
    this.refusedCredentials = options.refusedCredentials ?? [];
    this.partial = options.partial;
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    // biome-ignore lint/complexity/noThisInStatic: a class that extends this one is asked here too, and knows its own
    return this === DriverError ? isMarked(value, 'DriverError') : super[Symbol.hasInstance](value);
  }
}

/** Thrown by a call whose work continues on the storage system: the same method is called again with the token. */
export class InProgress extends Error {
  readonly [mark] = 'InProgress';
  readonly token: string;
  /** When to ask again, in seconds. */
  readonly pollAfter: number;

  constructor(options: { readonly token: string; readonly pollAfter: number }) {
    super('the operation continues on the storage system');
    this.name = 'InProgress';
    this.token = options.token;
    this.pollAfter = options.pollAfter;
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return isMarked(value, 'InProgress');
  }
}

/** Turns whatever a driver threw into a DriverError, at the border; the cause is kept. */
export function asDriverError(thrown: unknown): DriverError {
  if (thrown instanceof DriverError) return thrown;
  const detail = thrown instanceof Error ? thrown.message : String(thrown);
  return new DriverError({
    kind: 'Internal',
    reason: 'DriverFault',
    message: 'the storage driver failed unexpectedly; an administrator finds the details in the operator log',
    detail,
    cause: thrown,
  });
}
