import { expect, it } from 'vitest';
import { validators } from './validators.ts';

it('there is one validator for each kind that tenants and storage administrators write', () => {
  expect(validators.map(({ type }) => type.kind).sort()).toEqual([
    'SecurityService',
    'Share',
    'ShareAccess',
    'ShareNetwork',
    'StorageBackend',
  ]);
});
