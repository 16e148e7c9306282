import type { DriverErrorKind } from '../errors.ts';

/** Error numbers of Linux that Ceph answers, by what they mean for a call. */
const names: ReadonlyMap<number, string> = new Map([
  [1, 'EPERM'],
  [2, 'ENOENT'],
  [4, 'EINTR'],
  [5, 'EIO'],
  [11, 'EAGAIN'],
  [12, 'ENOMEM'],
  [13, 'EACCES'],
  [16, 'EBUSY'],
  [17, 'EEXIST'],
  [22, 'EINVAL'],
  [27, 'EFBIG'],
  [28, 'ENOSPC'],
  [30, 'EROFS'],
  [34, 'ERANGE'],
  [36, 'ENAMETOOLONG'],
  [39, 'ENOTEMPTY'],
  [95, 'EOPNOTSUPP'],
  [104, 'ECONNRESET'],
  [107, 'ENOTCONN'],
  [108, 'ESHUTDOWN'],
  [110, 'ETIMEDOUT'],
  [111, 'ECONNREFUSED'],
  [115, 'EINPROGRESS'],
  [116, 'ESTALE'],
  [122, 'EDQUOT'],
]);

/** Name of the error that a code of a command stands for; `E<number>` for one that is not known. */
export function errorNameOf(code: number): string {
  const number = Math.abs(code);
  return names.get(number) ?? `E${number}`;
}

/** What an error means for the call, and the reason that is shown. */
export interface ErrorMeaning {
  readonly kind: DriverErrorKind;
  readonly reason: string;
}

const rejected: ErrorMeaning = { kind: 'Rejected', reason: 'CephRejected' };
const noSpace: ErrorMeaning = { kind: 'Rejected', reason: 'InsufficientCapacity' };

/** Everything else is taken for passing: Ceph's daemons come and go, and commands with them. */
const unavailable: ErrorMeaning = { kind: 'Unavailable', reason: 'CephUnavailable' };

const meanings: ReadonlyMap<string, ErrorMeaning> = new Map([
  ['ENOENT', { kind: 'NotFound', reason: 'NotFoundInCeph' }],
  // It goes away when an administrator gives the operator's user what it lacks.
  ['EACCES', { kind: 'Unavailable', reason: 'CephPermissionDenied' }],
  ['EPERM', rejected],
  ['EEXIST', rejected],
  ['EINVAL', rejected],
  ['ENAMETOOLONG', rejected],
  ['ENOTEMPTY', rejected],
  ['ERANGE', rejected],
  ['EDQUOT', noSpace],
  ['EFBIG', noSpace],
  ['ENOSPC', noSpace],
]);

/** What the error of this name means, whatever text Ceph gave with it. */
export function meaningOf(errorName: string): ErrorMeaning {
  return meanings.get(errorName) ?? unavailable;
}
