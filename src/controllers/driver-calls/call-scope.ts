import type { DriverOperation, Tenant } from '../../drivers/driver.ts';
import type { CallPriority } from './driver-instances.ts';
import type { LockMode } from './lock-table.ts';

/** The objects that a call concerns; it decides which other calls are excluded meanwhile. */
export interface CallScope {
  readonly backendName: string;
  readonly tenant: Tenant;
  /** Locked shared: a change of the network's security services waits for the call, and the call for the change. */
  readonly networkUID?: string;
  /**
   * Setup, update and teardown lock their server exclusively; calls for shares on it lock it shared. `secrets` are texts about it
   * that must not appear in an error.
   */
  readonly server?: { readonly uid: string; readonly mode: LockMode; readonly secrets?: readonly string[] };
  /** Locked exclusively: one call at a time per share. */
  readonly shareUID?: string;
  readonly priority?: CallPriority;
}

/** One driver call. */
export interface CallOptions {
  readonly operation: DriverOperation;
  /** Identifier of the operation, the same over retries and restarts. */
  readonly id: string;
  readonly token?: string | undefined;
  /** Milliseconds after which the call times out. */
  readonly timeoutMs: number;
  /** Texts that this call passes to the driver and that must not appear in an error. */
  readonly secrets?: readonly string[];
}
