import type { DriverError } from '../../errors.ts';
import { type SambaReason, unavailable } from '../reasons.ts';
import { classify } from './failures.ts';

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
export const loginRefused = 'HostLoginFailed' satisfies SambaReason;

/** What a message tells of a host. */
export interface HostAddress {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly user: string;
}

/** A host can't be worked with now. */
export function hostError(reason: SambaReason, message: string, detail?: string): DriverError {
  return unavailable(reason, message, detail?.slice(0, maxDetailLength));
}
