import { DriverError } from '../errors.ts';

/** Longest text of a host that goes to the log of the administrator, in characters. */
const maxDetailLength = 500;

/** Words of the ssh library for which stage a login failed in. */
interface SSHFailure extends Error {
  readonly level?: string;
}

/** Why there is no connection to a host. What the server said goes to the log only. */
export function loginError(
  { name, address, port, user }: HostAddress,
  failure: SSHFailure,
  keyRefused: boolean,
): DriverError {
  const where = `host ${name} (${address}:${port})`;
  const cases = {
    HostKeyMismatch: `${where} shows another host key than spec.samba has for it: find out why before you change hostKey`,
    HostLoginFailed: `${where} refused user ${user} with the SSH key of the backend: see docs/samba.md, preparation of hosts`,
    HostHandshakeFailed: `${where} has no host key of the pinned kind, or speaks no SSH that this operator knows`,
    HostUnreachable: `${where} can't be reached over SSH`,
  } as const;
  const reason = keyRefused ? 'HostKeyMismatch' : reasonOf(failure.level);
  return hostError(reason, cases[reason], failure.message);
}

function reasonOf(level: string | undefined): 'HostLoginFailed' | 'HostHandshakeFailed' | 'HostUnreachable' {
  if (level === 'client-authentication') return 'HostLoginFailed';
  return level === 'handshake' || level === 'protocol' ? 'HostHandshakeFailed' : 'HostUnreachable';
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
