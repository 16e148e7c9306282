import { constants } from 'node:os';
import { describe, expect, test } from 'vitest';
import type { DriverError } from '../../errors.ts';
import { commandError } from '../cluster/commands.ts';
import { errorNameOf, type Fault, loginFaultOf, meaningOf } from './error-number.ts';
import { failureError } from './errors.ts';

const login = { monitors: ['192.0.2.1'], user: 'sharenet', key: '' };
const notAsked = () => Promise.reject(new Error('not asked'));
const cluster = { commands: { run: notAsked, fsid: notAsked, close: notAsked }, user: 'sharenet' };

/** Errors that are no outage; every other one is. */
const classified: Readonly<Record<string, readonly [Fault, DriverError['kind'], reason: string]>> = {
  ...Object.fromEntries(
    ['EPERM', 'E2BIG', 'EEXIST', 'EXDEV', 'ENOTDIR', 'EISDIR', 'EINVAL', 'EDOM', 'ERANGE', 'ENAMETOOLONG', 'ENOTEMPTY']
      .concat('ELOOP', 'EOVERFLOW', 'EILSEQ')
      .map((name) => [name, ['tenant', 'Rejected', 'CephRejected']]),
  ),
  ...Object.fromEntries(
    ['EFBIG', 'ENOSPC', 'EDQUOT'].map((name) => [name, ['tenant', 'Rejected', 'InsufficientCapacity']]),
  ),
  ENOENT: ['administrator', 'NotFound', 'NotFoundInCeph'],
  EACCES: ['administrator', 'Unavailable', 'CephPermissionDenied'],
  ...Object.fromEntries(
    ['ENXIO', 'ENOEXEC', 'ENODEV', 'EROFS', 'ENOSYS', 'ENODATA', 'EPROTOTYPE', 'ENOPROTOOPT', 'EPROTONOSUPPORT']
      .concat('EOPNOTSUPP', 'EAFNOSUPPORT', 'ENOKEY', 'EKEYEXPIRED', 'EKEYREVOKED', 'EKEYREJECTED')
      .map((name) => [name, ['administrator', 'Unavailable', 'CephUnavailable']]),
  ),
};
/** Other names of EAGAIN and EOPNOTSUPP. */
const aliases = ['EWOULDBLOCK', 'ENOTSUP'];

describe.runIf(process.platform === 'linux')('every error number of the system', () => {
  const codes = Object.entries(constants.errno).filter(([name]) => !aliases.includes(name));
  test.each(codes)('%s', (name, number) => {
    expect(errorNameOf(-number)).toBe(name);
    const [fault, kind, reason] = classified[name] ?? ['outage', 'Unavailable', 'CephUnavailable'];
    expect(meaningOf(name)).toEqual({ fault, kind, reason });
    const result = { code: -number, output: '', status: 'text of Ceph' };
    const error = commandError(cluster, { daemon: 'mgr' }, { prefix: 'fs subvolume info' }, result);
    expect(error).toMatchObject({ kind, reason, message: expect.stringContaining('"fs subvolume info"') });
    expect(error.message).not.toContain('text of Ceph');
    if (fault === 'administrator') expect(error.message).toMatch(/an administrator|docs\/cephfs\.md/);
    if (fault === 'outage') expect(error.message).toContain('the operator tries again');
  });
});

test('a number that is not known is an outage', () => {
  expect(errorNameOf(-4242)).toBe('E4242');
  expect(meaningOf('E4242')).toEqual({ fault: 'outage', kind: 'Unavailable', reason: 'CephUnavailable' });
});

describe('a login that fails with', () => {
  test.each<[code: number, fault: 'administrator' | 'outage', reason: string]>([
    [1, 'administrator', 'CephLoginFailed'],
    [2, 'administrator', 'CephLoginFailed'],
    [13, 'administrator', 'CephLoginFailed'],
    [22, 'administrator', 'CephLoginFailed'],
    [95, 'administrator', 'CephLoginFailed'],
    [129, 'administrator', 'CephLoginFailed'],
    [110, 'outage', 'CephUnreachable'],
    [111, 'outage', 'CephUnreachable'],
    [113, 'outage', 'CephUnreachable'],
    [5, 'outage', 'CephUnreachable'],
    [11, 'outage', 'CephUnreachable'],
    [12, 'outage', 'CephUnreachable'],
    [107, 'outage', 'CephUnreachable'],
    [4242, 'outage', 'CephUnreachable'],
  ])('code %i is the error of the %s', (code, fault, reason) => {
    expect(loginFaultOf(errorNameOf(-code))).toBe(fault);
    const error = failureError({ what: 'login', code: -code }, login);
    expect(error).toMatchObject({ kind: 'Unavailable', reason });
    if (fault === 'outage') expect(error.message).not.toContain('userKey');
  });
});
