import { nameList } from '../../../values/name-list.ts';
import type { DriverError } from '../../errors.ts';
import { keyTypeOf } from '../login/operator-key.ts';
import { unavailable } from '../reasons.ts';
import type { CommandTarget } from './commands.ts';
import { errorNameOf, loginFaultOf } from './error-number.ts';
import type { RadosFailure } from './protocol.ts';

/** What errors say about a login; of the key they have the type only. */
interface LoginNames {
  readonly monitors: readonly string[];
  readonly user: string;
}

/** Where an administrator finds the key. */
const keyField = 'userKey in the Secret that spec.cephfs.credentialsSecretName names';

const packageOf = { rados: 'librados2', cephfs: 'libcephfs2' } as const;
const daemonNames = { mon: 'the monitors', mgr: 'the manager', mds: 'the metadata server' } as const;

/** There is no login, or a library is missing. */
export function failureError(failure: RadosFailure, login: LoginNames & { readonly key: string }): DriverError {
  if (failure.what === 'library') {
    const name = packageOf[failure.library];
    const message = `the library ${name} is not installed where the operator runs: install the package ${name} of Ceph`;
    return unavailable('LibraryMissing', message, failure.detail);
  }
  if (failure.what === 'monitors') return monitorsSilent(login, failure.silent);
  const code = errorNameOf(failure.code);
  if (loginFaultOf(code) === 'outage') {
    return monitorsSilent(
      login,
      code === 'ETIMEDOUT' ? undefined : login.monitors.map((monitor) => `${monitor}: ${code}`),
    );
  }
  // The library reads the key before it speaks to the cluster, and knows the type or not.
  if (code === 'EINVAL' && keyTypeOf(login.key) === 'aes256k') return libraryTooOld(login);
  const message =
    code === 'EINVAL'
      ? `the key for the login as client.${login.user} is not of the form of a key; correct ${keyField}`
      : `the Ceph cluster refused the login as client.${login.user} (${code}); correct spec.cephfs.user, or ${keyField}`;
  return unavailable(
    'CephLoginFailed',
    message,
    `login as client.${login.user} at ${login.monitors.join(', ')}: ${code}`,
  );
}

function libraryTooOld({ user }: LoginNames): DriverError {
  return unavailable(
    'LibraryTooOld',
    `the key of client.${user} is of type aes256k, which the library librados2 where the operator runs does not know: ` +
      'install librados2 and libcephfs2 of Ceph 19.2.6, 20.2.4 or newer there, ' +
      `or while the cluster allows it give the user a key of type aes (ceph auth rotate client.${user} --key-type aes)`,
    `login as client.${user}: EINVAL for a key of type aes256k`,
  );
}

/** No monitor has answered. */
export function monitorsSilent(
  { monitors, user }: LoginNames,
  silent = monitors.map((monitor) => `${monitor}: no answer`),
): DriverError {
  const message = `no monitor of the Ceph cluster answers (${nameList(silent)}); correct spec.cephfs.monitors, or see to the network`;
  return unavailable('CephUnreachable', message, `login as client.${user}: ${silent.join(', ')}`);
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
