import { expect, test } from 'vitest';
import { subvolumeNameOf } from './names.ts';

test('a subvolume is named after the UID of its share', () => {
  const uid = '1b4e28ba-2fa1-4000-8000-00000000000a';
  expect(subvolumeNameOf(uid)).toBe(`share-${uid}`);
});

test.each(['', '../../..', 'a/b', '.hidden', '-x', 'a b', 'x'.repeat(64)])('%j is no UID and is hashed', (id) => {
  expect(subvolumeNameOf(id)).toMatch(/^share-[0-9a-f]{64}$/);
});
