import type { DriverText, OperatorText, Time } from './formats.ts';

/** A driver operation that is running or to be continued. */
export interface Operation {
  /** Identifier, the same over retries, restarts and leaders. */
  readonly id: OperatorText;
  /** Driver method. */
  readonly name: OperatorText;
  /** Token of the driver for an operation that goes on on the storage system. */
  readonly token?: DriverText;
  /** When the operation first began. */
  readonly startedTime: Time;
}
