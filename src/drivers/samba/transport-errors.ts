import { DriverError } from '../errors.ts';
import { classify } from './ssh-failures.ts';

/** Longest text of a host that goes to the log of the administrator, in characters. */
const maxDetailLength = 500;

/** Why there is no connection to a host. What the server said goes to the log only. */
export function loginError(
  { name, address, port, user }: HostAddress,
  failure: Error & { readonly level?: unknown; readonly code?: unknown },
  keyRefused: boolean,
): DriverError {
  const where = `host ${name} (${address}:${port})`;
  if (keyRefused) {
    const message = `${where} shows another host key than spec.samba has for it: find out why before you change hostKey`;
    return hostError('HostKeyMismatch', message, failure.message);
  }
  const { reason, owner, code } = classify(failure);
  const cases = {
    HostLoginFailed: `${where} refused user ${user} with the SSH key of the backend: see docs/samba.md, preparation of hosts`,
    HostHandshakeFailed: `${where} has no host key of the pinned kind, or speaks no SSH that this operator knows`,
    HostUnreachable:
      owner === 'administrator'
        ? `${where} can't be reached over SSH: correct its address, or what keeps the operator from it`
        : `${where} can't be reached over SSH`,
    HostBusy: `${where} takes no further connection`,
  } as const;
  return hostError(reason, code === undefined ? cases[reason] : `${cases[reason]} (${code})`, failure.message);
}

/** Reason of a host that refused the backend's key. */
export const loginRefused = 'HostLoginFailed';

/** The same failure, not to be tried again before so many seconds. */
export function withRetryAfter({ kind, reason, message, detail, cause }: DriverError, retryAfter: number): DriverError {
  return new DriverError({ kind, reason, message, retryAfter, cause, ...(detail === undefined ? {} : { detail }) });
}

/** What a message tells of a host. */
export interface HostAddress {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly user: string;
}

/** A host can't be worked with now. */
export function hostError(reason: string, message: string, detail?: string): DriverError {
  return new DriverError({
    kind: 'Unavailable',
    reason,
    message,
    ...(detail === undefined || detail === '' ? {} : { detail: detail.slice(0, maxDetailLength) }),
  });
}

/** The failure of a call that was cut off. */
export function abortedError({ reason }: AbortSignal, hostName: string): DriverError {
  if (reason instanceof DriverError) return reason;
  const timedOut = reason instanceof Error && reason.name === 'TimeoutError';
  return new DriverError({
    kind: 'Unavailable',
    reason: timedOut ? 'OperationTimeout' : 'OperationAborted',
    message: `host ${hostName} did not finish in the time given`,
    cause: reason,
  });
}
