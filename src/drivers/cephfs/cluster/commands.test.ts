import { expect, test } from 'vitest';
import { commandError, failedInside } from './commands.ts';

const notAsked = () => Promise.reject(new Error('not asked'));
const cluster = { commands: { run: notAsked, fsid: notAsked, close: notAsked }, user: 'sharenet' };
const command = { prefix: 'fs subvolume resize' };
const traceback = `Traceback (most recent call last):\n${'  File "module.py"\n'.repeat(50)}KeyError: 'x'\n`;

test('a manager that stumbles over itself is asked again; what it refuses is refused', () => {
  const stumbled = { code: -22, output: '', status: traceback };
  const refused = { code: -22, output: '', status: 'no such level' };
  expect([failedInside(stumbled), failedInside(refused)]).toEqual([true, false]);
  expect(failedInside({ ...stumbled, code: -2 })).toBe(false);
  const error = commandError(cluster, { daemon: 'mgr' }, command, stumbled);
  expect(error).toMatchObject({ kind: 'Unavailable', reason: 'CephUnavailable' });
  expect(error.message).not.toContain('KeyError');
  expect(error.detail).toMatch(/KeyError: 'x'$/);
  expect(error.detail?.length).toBeLessThan(600);
  expect(commandError(cluster, { daemon: 'mgr' }, command, refused)).toMatchObject({ kind: 'Rejected' });
});
