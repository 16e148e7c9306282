import { expect, test } from 'vitest';
import { planAccess } from './access.ts';

test.each([
  ['10.0.0.1', true],
  ['fd00::/64', true],
  ['fe80::1%eth0', false],
  ['10.0.0.1/33', false],
  ['10.0.0.1/8/8', false],
])('a rule for %s is granted: %s', (accessTo, granted) => {
  const rule = { id: 'rule-1', name: 'rule-1', accessType: 'ip', accessTo, accessLevel: 'rw' } as const;
  const plan = planAccess({ accessRules: [rule], addRules: [rule], updateRules: [], deleteRules: [] });
  expect(plan.rules).toHaveLength(granted ? 1 : 0);
  expect(plan.updates.get(rule.id)?.state).toBe(granted ? undefined : 'error');
});
