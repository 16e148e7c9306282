import { expect, test } from 'vitest';
import { sortSessions } from './sessions-to-evict.ts';

const path = '/volumes/g/one/uuid-1';

test.each<[what: string, root: string | undefined, kind: 'onShare' | 'unknown' | 'elsewhere']>([
  ['the share itself', path, 'onShare'],
  ['the share with a slash at the end', `${path}/`, 'onShare'],
  ['the share with slashes doubled', '//volumes//g/one//uuid-1', 'onShare'],
  ['the share without a slash in front', 'volumes/g/one/uuid-1', 'onShare'],
  ['a directory of the share', `${path}/a/b`, 'onShare'],
  ['a directory by a way around', '/volumes/g/two/../one/uuid-1/a', 'onShare'],
  ['nothing that it says', undefined, 'unknown'],
  ['another share', '/volumes/g/two/uuid-2', 'elsewhere'],
  ['a share whose path begins the same', `${path}0`, 'elsewhere'],
  ['a directory above the share, as the manager does', '/volumes/g', 'elsewhere'],
  ['the whole file system, as the manager does', '/', 'elsewhere'],
  ['the whole file system, unsaid', '', 'elsewhere'],
])('a client that mounted %s', (_, root, kind) => {
  expect(sortSessions([{ id: 7, root }], path)).toEqual({
    onShare: kind === 'onShare' ? [7] : [],
    unknown: kind === 'unknown' ? [7] : [],
  });
});
