import { DriverError } from '../errors.ts';
import type { CommandTarget } from './ceph-commands.ts';
import { errorNameOf } from './error-number.ts';
import type { RadosFailure } from './rados-protocol.ts';

/** What an administrator reads about a login; the key is not in it. */
interface LoginNames {
  readonly monitors: readonly string[];
  readonly user: string;
}

const packageOf = { rados: 'librados2', cephfs: 'libcephfs2' } as const;
const daemonNames = { mon: 'the monitors', mgr: 'the manager', mds: 'the metadata server' } as const;

function unavailable(reason: string, message: string, detail?: string): DriverError {
  return new DriverError({ kind: 'Unavailable', reason, message, ...(detail === undefined ? {} : { detail }) });
}

/** There is no login, or a library is missing. */
export function failureError(failure: RadosFailure, login: LoginNames): DriverError {
  if (failure.what === 'library') {
    const name = packageOf[failure.library];
    const message = `the library ${name} is not installed where the operator runs: install the package ${name} of Ceph`;
    return unavailable('LibraryMissing', message, failure.detail);
  }
  if (failure.what === 'monitors') return monitorsSilent(login, failure.detail);
  const code = errorNameOf(failure.code);
  if (code === 'ETIMEDOUT') return monitorsSilent(login);
  const message =
    code === 'EINVAL'
      ? 'the key of the Ceph user that the operator logs in as is not of the form of a key'
      : `the Ceph cluster refused the login of the operator (${code}): see the user and its key`;
  return unavailable(
    'CephLoginFailed',
    message,
    `login as client.${login.user} at ${login.monitors.join(', ')}: ${code}`,
  );
}

/** No monitor has answered. */
export function monitorsSilent({ monitors, user }: LoginNames, detail = monitors.join(', ')): DriverError {
  const message = 'no monitor of the Ceph cluster answers: see the monitors that the backend is configured with';
  return unavailable('CephUnreachable', message, `login as client.${user}: ${detail}`);
}

/** A daemon has not answered in time. */
export function daemonSilent({ daemon }: CommandTarget, prefix: string, timeoutMs: number): DriverError {
  const message = `${daemonNames[daemon]} of the Ceph cluster did not answer within ${timeoutMs / 1000} s`;
  return unavailable('CephTimeout', message, prefix);
}

/** The process with the login has ended. */
export function connectionLost(): DriverError {
  return unavailable('CephConnectionLost', 'the connection to the Ceph cluster was lost');
}
