import { expect, test } from 'vitest';
import { cephfsConfigSchema } from './config.ts';

const config = { monitors: ['192.0.2.1:6789'], user: 'sharenet', credentialsSecretName: 'ceph', fsName: 'cephfs' };

test('a configuration gets the defaults', () => {
  expect(cephfsConfigSchema.parse(config)).toEqual({ ...config, group: 'sharenet', mode: '0755' });
});

test.each(['192.0.2.1', 'mon-a.example', 'mon-a.example:3300', '[2001:db8::1]', '[2001:db8::1]:6789'])(
  'the monitor %s is accepted',
  (monitor) => {
    expect(cephfsConfigSchema.safeParse({ ...config, monitors: [monitor] }).success).toBe(true);
  },
);

test('monitors in the spellings of Ceph are named once, and without what only one messenger needs', () => {
  const monitors = ['[v2:192.0.2.1:3300/0,v1:192.0.2.1:6789/0]', '192.0.2.2:6789, 192.0.2.1'];
  expect(cephfsConfigSchema.parse({ ...config, monitors }).monitors).toEqual(['192.0.2.1', '192.0.2.2:6789']);
});

test('a monitor that is none is named, with what is wrong', () => {
  const result = cephfsConfigSchema.safeParse({ ...config, monitors: ['192.0.2.1', '2001:db8::1'] });
  expect(result.error?.issues).toMatchObject([
    { path: ['monitors', 1], message: '"2001:db8::1" has an IPv6 address without brackets: write [2001:db8::1]' },
  ]);
});

test('reserved ids are no matter of the driver', () => {
  expect(cephfsConfigSchema.parse({ ...config, reservedIDs: [{ ids: ['a'] }] })).not.toHaveProperty('reservedIDs');
});

test.each([
  ['an unknown field', { colour: 'red' }],
  ['no monitors', { monitors: [] }],
  ['a monitor with a path', { monitors: ['192.0.2.1:6789:/'] }],
  ['an IPv6 address without brackets', { monitors: ['2001:db8::1'] }],
  ['no user', { user: undefined }],
  ['a user with the type of the entity', { user: 'client.admin' }],
  ['a file system that is an option', { fsName: '--help' }],
  ['a group that is a path', { group: '../x' }],
  ['the group of those without one', { group: '_nogroup' }],
  ['a mode that is no octal number', { mode: '0999' }],
])('%s is refused', (_, changes) => {
  expect(cephfsConfigSchema.safeParse({ ...config, ...changes }).success).toBe(false);
});
