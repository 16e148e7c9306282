import { expect, test } from 'vitest';
import { presentableResult } from './presentable-result.ts';

const password = 'correct horse';

test('texts of a result for people contain no known secret, and the rest is unchanged', () => {
  const result = {
    backendDetails: { path: `/${password}/1` },
    backendSecrets: { machinePassword: password },
    warnings: [{ reason: 'MachineAccountLeft', message: `bind with ${password} failed` }],
    accessUpdates: new Map([['share', new Map([['rule', { accessKey: password, state: 'error', reason: password }]])]]),
    impact: { disruptsSessions: true, text: `as ${password}` },
  };
  const shown = presentableResult(result, [password]);
  expect(JSON.stringify([shown.warnings, shown.impact])).not.toContain(password);
  expect(shown.backendDetails).toEqual(result.backendDetails);
  expect(shown.backendSecrets).toEqual({ machinePassword: password });
  const rule = shown.accessUpdates.get('share')?.get('rule');
  expect(rule?.accessKey).toBe(password);
  expect(rule?.reason).not.toContain(password);
  expect(shown.impact.disruptsSessions).toBe(true);
});

test('without secrets the result is that of the driver', () => {
  const result = { warnings: [{ reason: 'One', message: 'two' }] };
  expect(presentableResult(result, [])).toBe(result);
});
