import type { DriverErrorKind } from '../../errors.ts';
import type { CephFSReason } from '../reasons.ts';

/**
 * Who can do something about an error: the tenant, by asking for something else; the administrator of the Ceph cluster or of the
 * backend; or no one, because it is an outage that passes.
 */
export type Fault = 'tenant' | 'administrator' | 'outage';

/** The error numbers of Linux, which Ceph answers, by whose error they are when a command of the driver gets them. */
const numbers: Readonly<Record<Fault, Readonly<Record<string, number>>>> = {
  // The request can't work, whoever tries it and however often.
  tenant: {
    ...{
      EPERM: 1,
      E2BIG: 7,
      EEXIST: 17,
      EXDEV: 18,
      ENOTDIR: 20,
      EISDIR: 21,
      EINVAL: 22,
      EFBIG: 27,
      ENOSPC: 28,
      EDOM: 33,
    },
    ...{ ERANGE: 34, ENAMETOOLONG: 36, ENOTEMPTY: 39, ELOOP: 40, EOVERFLOW: 75, EILSEQ: 84, EDQUOT: 122 },
  },
  // Something was removed, is not allowed, or does not exist in this version of Ceph.
  administrator: {
    ...{ ENOENT: 2, ENXIO: 6, ENOEXEC: 8, EACCES: 13, ENODEV: 19, EROFS: 30, ENOSYS: 38, ENODATA: 61, EPROTOTYPE: 91 },
    ...{ ENOPROTOOPT: 92, EPROTONOSUPPORT: 93, EOPNOTSUPP: 95, EAFNOSUPPORT: 97, ENOKEY: 126, EKEYEXPIRED: 127 },
    ...{ EKEYREVOKED: 128, EKEYREJECTED: 129 },
  },
  // Ceph's daemons come and go, and commands with them.
  outage: {
    ...{ ESRCH: 3, EINTR: 4, EIO: 5, EBADF: 9, ECHILD: 10, EAGAIN: 11, ENOMEM: 12, EFAULT: 14, EBUSY: 16, ENFILE: 23 },
    ...{ EMFILE: 24, ENOTTY: 25, ETXTBSY: 26, ESPIPE: 29, EMLINK: 31, EPIPE: 32, EDEADLK: 35, ENOLCK: 37, ENOMSG: 42 },
    ...{ EIDRM: 43, ENOSTR: 60, ETIME: 62, ENOSR: 63, ENOLINK: 67, EPROTO: 71, EMULTIHOP: 72, EBADMSG: 74 },
    ...{ ENOTSOCK: 88, EDESTADDRREQ: 89, EMSGSIZE: 90, EADDRINUSE: 98, EADDRNOTAVAIL: 99, ENETDOWN: 100 },
    ...{ ENETUNREACH: 101, ENETRESET: 102, ECONNABORTED: 103, ECONNRESET: 104, ENOBUFS: 105, EISCONN: 106 },
    ...{ ENOTCONN: 107, ESHUTDOWN: 108, ETIMEDOUT: 110, ECONNREFUSED: 111, EHOSTDOWN: 112, EHOSTUNREACH: 113 },
    ...{ EALREADY: 114, EINPROGRESS: 115, ESTALE: 116, ECANCELED: 125 },
  },
};

const faults: readonly Fault[] = ['tenant', 'administrator', 'outage'];
const names: ReadonlyMap<number, string> = new Map(
  faults.flatMap((fault) => Object.entries(numbers[fault]).map(([name, number]) => [number, name] as const)),
);

/** Name of the error that a code of a command stands for; `E<number>` for one that is not known. */
export function errorNameOf(code: number): string {
  const number = Math.abs(code);
  return names.get(number) ?? `E${number}`;
}

/** What an error means for the call, and the reason that is shown. */
export interface ErrorMeaning {
  readonly fault: Fault;
  readonly kind: DriverErrorKind;
  readonly reason: CephFSReason;
}

const noSpace = new Set(['EDQUOT', 'EFBIG', 'ENOSPC']);

/** What the error of this name means for a command, whatever text Ceph gave with it. One that is not known is taken for an outage. */
export function meaningOf(errorName: string): ErrorMeaning {
  const fault = faults.find((candidate) => Object.hasOwn(numbers[candidate], errorName)) ?? 'outage';
  if (fault === 'tenant') {
    return { fault, kind: 'Rejected', reason: noSpace.has(errorName) ? 'InsufficientCapacity' : 'CephRejected' };
  }
  if (errorName === 'ENOENT') return { fault, kind: 'NotFound', reason: 'NotFoundInCeph' };
  // It goes away when an administrator gives the operator's user what it lacks, or Ceph what it has not: it is tried again.
  if (errorName === 'EACCES') return { fault, kind: 'Unavailable', reason: 'CephPermissionDenied' };
  return { fault, kind: 'Unavailable', reason: 'CephUnavailable' };
}

/** Codes with which a login is refused that are a request's error in commands: the user and the key are the administrator's. */
const refusedLogins = new Set(['EPERM', 'EINVAL']);

/** Whose error it is that a login failed: a tenant has no part in it. */
export function loginFaultOf(errorName: string): Exclude<Fault, 'tenant'> {
  if (refusedLogins.has(errorName)) return 'administrator';
  return meaningOf(errorName).fault === 'administrator' ? 'administrator' : 'outage';
}
