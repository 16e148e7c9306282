import { constants } from 'node:os';
import { expect, test } from 'vitest';
import { errorNameOf, meaningOf } from './error-number.ts';

test.each([
  [-1, 'EPERM', 'Rejected'],
  [-2, 'ENOENT', 'NotFound'],
  [-13, 'EACCES', 'Unavailable'],
  [-22, 'EINVAL', 'Rejected'],
  [-28, 'ENOSPC', 'Rejected'],
  [-39, 'ENOTEMPTY', 'Rejected'],
  [-11, 'EAGAIN', 'Unavailable'],
  [-107, 'ENOTCONN', 'Unavailable'],
  [-108, 'ESHUTDOWN', 'Unavailable'],
  [-110, 'ETIMEDOUT', 'Unavailable'],
  [-4242, 'E4242', 'Unavailable'],
])('the code %i is %s and means %s', (code, name, kind) => {
  expect(errorNameOf(code)).toBe(name);
  expect(meaningOf(name).kind).toBe(kind);
});

test.runIf(process.platform === 'linux')('the names are those of the system', () => {
  for (const [name, number] of Object.entries(constants.errno)) {
    const known = errorNameOf(-number);
    // EWOULDBLOCK is another name of EAGAIN, ENOTSUP one of EOPNOTSUPP.
    if (!/^E\d+$/.test(known) && !['EWOULDBLOCK', 'ENOTSUP'].includes(name)) expect(known).toBe(name);
  }
});
