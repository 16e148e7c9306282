import { expect, test } from 'vitest';
import { isAddressOrNetwork, isRecovery, onlyDenies } from './access-rules.ts';

const rule = { id: 'rule-1', name: 'rule-1', accessType: 'ip', accessTo: '10.0.0.1', accessLevel: 'rw' } as const;
const none = { addRules: [], updateRules: [], deleteRules: [] };

test('a recovery has no rule in any of the three lists', () => {
  expect(isRecovery(none)).toBe(true);
  for (const list of ['addRules', 'updateRules', 'deleteRules']) {
    expect(isRecovery({ ...none, [list]: [rule] }), list).toBe(false);
  }
});

test('only rules that are denied are a denial; a recovery is none', () => {
  expect(onlyDenies({ ...none, deleteRules: [rule] })).toBe(true);
  expect(onlyDenies(none)).toBe(false);
  expect(onlyDenies({ ...none, deleteRules: [rule], updateRules: [rule] })).toBe(false);
});

test.each([
  ['10.0.0.1', true],
  ['fd00::/64', true],
  ['fe80::1%eth0', false],
  ['10.0.0.1/33', false],
  ['10.0.0.1/8/8', false],
  ['host', false],
])('%s is an address or a network: %s', (text, expected) => {
  expect(isAddressOrNetwork(text)).toBe(expected);
});
