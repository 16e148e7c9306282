import { expect, test } from 'vitest';
import { sessionsToEvict } from './sessions-to-evict.ts';

const path = '/volumes/g/one/uuid-1';

test.each<[what: string, root: string | undefined, evicted: boolean]>([
  ['the share itself', path, true],
  ['the share with a slash at the end', `${path}/`, true],
  ['the share with slashes doubled', '//volumes//g/one//uuid-1', true],
  ['the share without a slash in front', 'volumes/g/one/uuid-1', true],
  ['a directory of the share', `${path}/a/b`, true],
  ['a directory by a way around', '/volumes/g/two/../one/uuid-1/a', true],
  ['nothing that it tells', undefined, true],
  ['another share', '/volumes/g/two/uuid-2', false],
  ['a share whose path begins the same', `${path}0`, false],
  ['a directory above the share, as the manager does', '/volumes/g', false],
  ['the whole file system, as the manager does', '/', false],
  ['the whole file system, unsaid', '', false],
])('a client that mounted %s', (_, root, evicted) => {
  expect(sessionsToEvict([{ id: 7, root }], path)).toEqual(evicted ? [7] : []);
});
