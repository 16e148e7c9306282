import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../../faults/eventually.ts';
import { activeDirectory, type DirectoryRig, startDirectoryRig, startTimeoutMs } from './directory-rig.ts';

let rig: DirectoryRig;

beforeAll(async () => {
  rig = await startDirectoryRig();
}, startTimeoutMs);

afterAll(() => rig?.stop());

test('a rule goes when the domain of the day has no such user, and stays while the domain does not answer', {
  timeout: 240_000,
}, async () => {
  const { a, b } = rig.ad;
  const server = rig.server('10.77.0.140');
  const unknown = expect.objectContaining({ state: 'error', reason: 'AccessToUnknown' });
  const silent = expect.objectContaining({ state: 'error', reason: 'DirectoryNotAnswering' });
  await server.create(activeDirectory(a));
  expect(await server.allow('alice', 'alice@a.test', 'nobody-here')).toEqual({
    'rule-alice': {},
    'rule-alice@a.test': {},
    'rule-nobody-here': unknown,
  });
  await server.update(activeDirectory(b), { currentService: activeDirectory(a) });
  expect(await server.allow('alice', 'alice@a.test', 'bob')).toEqual({
    'rule-alice': unknown,
    'rule-alice@a.test': unknown,
    'rule-bob': {},
  });

  await b.stopController();
  expect(await server.allow('bob', 'otto')).toEqual({ 'rule-bob': {}, 'rule-otto': silent });
  await b.startController();
  await eventually('the domain is asked again', async () => {
    const results = await server.allow('bob', 'otto');
    expect(results).toMatchObject({ 'rule-bob': {} });
    return JSON.stringify(results).includes('AccessToUnknown');
  });
  await server.remove(activeDirectory(b));
});
