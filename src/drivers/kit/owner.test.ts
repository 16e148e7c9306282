import { expect, test } from 'vitest';
import { isOwner, ownerOf, ownerTag, requireOwner } from './owner.ts';

const tenant = { namespace: 'team-a', namespaceUID: 'uid-a' };
const owner = ownerOf({ installationID: 'cluster-1', tenant });

test('a namespace of the same name that was created later is another owner', () => {
  const later = ownerOf({ installationID: 'cluster-1', tenant: { ...tenant, namespaceUID: 'uid-b' } });
  expect(isOwner(owner, later)).toBe(false);
  expect(isOwner(owner, ownerOf({ installationID: 'cluster-2', tenant }))).toBe(false);
  expect(isOwner(owner, ownerTag(owner))).toBe(true);
});

test('an object of another owner is rejected without a word about that owner', () => {
  requireOwner(owner, { ...owner }, 'the share docs');
  const check = (): void => requireOwner(owner, 'cluster-2/uid-b', 'the share docs');
  expect(check).toThrow(expect.objectContaining({ kind: 'Rejected', reason: 'ForeignObject' }));
  expect(check).toThrow(/^the share docs .* another tenant or another installation$/);
});
