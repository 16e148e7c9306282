import type { SambaReason } from '../reasons.ts';

/** Whose error a failure is: an administrator has to correct something, or it may work later as it is. */
export type FailureOwner = 'administrator' | 'outage';

/** What a failed connection to a host means. */
export interface SSHFailure {
  readonly reason: Extract<SambaReason, 'HostLoginFailed' | 'HostHandshakeFailed' | 'HostUnreachable' | 'HostBusy'>;
  readonly owner: FailureOwner;
}

const login: SSHFailure = { reason: 'HostLoginFailed', owner: 'administrator' };
const handshake: SSHFailure = { reason: 'HostHandshakeFailed', owner: 'administrator' };
const misconfigured: SSHFailure = { reason: 'HostUnreachable', owner: 'administrator' };
const outage: SSHFailure = { reason: 'HostUnreachable', owner: 'outage' };
const busy: SSHFailure = { reason: 'HostBusy', owner: 'outage' };

/** By the stage in which the SSH library says that a login failed. */
export const failuresByLevel: Readonly<Record<string, SSHFailure>> = {
  agent: misconfigured,
  'client-authentication': login,
  'client-dns': misconfigured,
  'client-socket': outage,
  'client-timeout': outage,
  handshake,
  protocol: handshake,
  socket: outage,
};

/** By the reason code of the server's SSH_MSG_DISCONNECT (RFC 4253, section 11.1). */
export const failuresByDisconnect: Readonly<Record<number, SSHFailure>> = {
  1: misconfigured,
  2: handshake,
  3: handshake,
  4: handshake,
  5: outage,
  6: outage,
  7: outage,
  8: handshake,
  9: handshake,
  10: outage,
  11: outage,
  12: busy,
  13: login,
  14: login,
  15: login,
};

/** By the operating system's or the resolver's code. */
export const failuresByErrno: Readonly<Record<string, SSHFailure>> = {
  EACCES: misconfigured,
  EADDRNOTAVAIL: misconfigured,
  EAI_AGAIN: outage,
  EAI_FAIL: outage,
  EAI_NODATA: misconfigured,
  EAI_NONAME: misconfigured,
  ECONNABORTED: outage,
  ECONNREFUSED: outage,
  ECONNRESET: outage,
  EHOSTDOWN: outage,
  EHOSTUNREACH: outage,
  EINVAL: misconfigured,
  EMFILE: outage,
  ENETDOWN: outage,
  ENETUNREACH: outage,
  ENOTFOUND: misconfigured,
  EPERM: misconfigured,
  EPIPE: outage,
  ETIMEDOUT: outage,
};

/** Exit codes of shells and sshd that tell why the program on a host gave no answer; others are outages. */
export const failuresByExitCode: Readonly<Record<number, { reason: SambaReason; owner: FailureOwner; text: string }>> =
  {
    126: {
      reason: 'HostProgramMissing',
      owner: 'administrator',
      text: "may not run sharenet-samba-host: see docs/samba.md, and the program's permissions",
    },
    127: {
      reason: 'HostProgramMissing',
      owner: 'administrator',
      text: 'has no sharenet-samba-host: see docs/samba.md',
    },
  };

/** What is known of a failure, and the code to show; an unknown one is an outage. */
export function classify(failure: {
  readonly level?: unknown;
  readonly code?: unknown;
}): SSHFailure & { readonly code: string | undefined } {
  const { level, code } = failure;
  if (typeof code === 'number') return { ...(failuresByDisconnect[code] ?? outage), code: `SSH disconnect ${code}` };
  const errno = typeof code === 'string' && /^[A-Z][A-Z0-9_]{1,31}$/.test(code) ? code : undefined;
  const known = errno === undefined ? undefined : failuresByErrno[errno];
  const stage = typeof level === 'string' && Object.hasOwn(failuresByLevel, level) ? failuresByLevel[level] : undefined;
  return { ...(known ?? stage ?? outage), code: errno };
}
