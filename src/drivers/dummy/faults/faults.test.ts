import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { InProgress } from '../../errors.ts';
import type { DummyFault } from '../config.ts';
import {
  accessRule,
  activeDirectory,
  callContext,
  createDriverRig,
  type DriverRig,
  grant,
  makeShares,
  recover,
  serverRequest,
  serviceUpdate,
  shareRequest,
} from '../driver-rig.ts';

let rig: DriverRig;
beforeEach(async () => {
  rig = await createDriverRig();
});
afterEach(() => rig.cleanup());

test('a fault without times strikes always, with its message', async () => {
  const driver = rig.open({ faults: [{ operation: 'setupServer', kind: 'unavailable', message: 'switch is down' }] });
  for (let attempt = 0; attempt < 3; attempt += 1) {
    await expect(driver.setupServer(serverRequest('one'), callContext())).rejects.toMatchObject({
      kind: 'Unavailable',
      message: 'switch is down',
    });
  }
});

test('times is counted over drivers and restarts, and afresh when the entry changes or comes back', async () => {
  const fault: DummyFault = { operation: 'ensureServer', kind: 'rejected', times: 2 };
  const request = serverRequest('one');
  const strikes = async (entry: DummyFault | undefined): Promise<number> => {
    let count = 0;
    for (let call = 0; call < 3; call += 1) {
      // A new driver for each call, as after a restart.
      const driver = rig.open({ faults: entry === undefined ? [] : [entry] });
      count += await Promise.resolve(driver.ensureServer?.(request, callContext())).then(
        () => 0,
        () => 1,
      );
    }
    return count;
  };
  expect(await strikes(fault)).toBe(2);
  expect(await strikes(fault)).toBe(0);
  expect(await strikes({ ...fault, message: 'again' })).toBe(2);
  expect(await strikes(undefined)).toBe(0);
  expect(await strikes(fault)).toBe(2);
});

test('equal entries are counted one by one, and a change of another entry leaves the count alone', async () => {
  const fault: DummyFault = { operation: 'getCapabilities', kind: 'unavailable', times: 1 };
  const probe = (faults: DummyFault[]): Promise<string> =>
    rig
      .open({ faults })
      .getCapabilities(callContext())
      .then(
        () => 'ok',
        () => 'failed',
      );
  expect(await probe([fault, fault])).toBe('failed');
  expect(await probe([fault, fault])).toBe('failed');
  expect(await probe([fault, fault])).toBe('ok');
  expect(await probe([fault, fault, { operation: 'createShare', kind: 'hang' }])).toBe('ok');
});

test.each<{ match: DummyFault['match']; struck: string[] }>([
  { match: { namespace: 'tenant-b' }, struck: [] },
  { match: { namespace: 'tenant-a' }, struck: ['first', 'second'] },
  { match: { shareServer: 'one' }, struck: ['first', 'second'] },
  { match: { shareServer: 'two' }, struck: [] },
  { match: { share: 'second' }, struck: ['second'] },
  { match: { shareServer: 'one', share: 'first', accessTo: 'alice' }, struck: ['first'] },
  { match: { accessTo: 'bob' }, struck: [] },
])('a fault that matches $match strikes the calls about it', async ({ match = {}, struck }) => {
  const driver = rig.open({ faults: [{ operation: 'updateAccess', kind: 'rejected', match }] });
  const { shares } = await makeShares(driver, 'one', ['first', 'second']);
  const failed: string[] = [];
  for (const share of shares) {
    await grant(driver, share, [accessRule('alice')]).catch(() => failed.push(share.share.name));
  }
  expect(failed).toEqual(struck);
});

test('the first matching fault applies', async () => {
  const faults: DummyFault[] = [
    { operation: 'createShare', kind: 'rejected', message: 'first', times: 1 },
    { operation: 'createShare', kind: 'unavailable', message: 'second' },
  ];
  const driver = rig.open({ faults });
  const server = serverRequest('one');
  await driver.setupServer(server, callContext());
  const create = (): Promise<unknown> => driver.createShare(shareRequest('share', server), callContext());
  await expect(create()).rejects.toThrow('first');
  await expect(create()).rejects.toThrow('second');
});

test('a rule error strikes the matching rules alone, in recovery too', async () => {
  const faults: DummyFault[] = [
    { operation: 'updateAccess', kind: 'ruleError', match: { accessTo: 'bob' }, message: 'no such user' },
  ];
  const driver = rig.open({ faults });
  const { shares } = await makeShares(driver, 'one', ['first']);
  const [share] = shares;
  if (share === undefined) throw new Error('no share');
  const rules = [accessRule('alice'), accessRule('bob')];
  for (const updates of [await grant(driver, share, rules), await recover(driver, share, rules)]) {
    expect(updates.get('uid-rule-alice')?.accessKey).toBeTypeOf('string');
    expect(updates.get('uid-rule-bob')).toEqual({ state: 'error', reason: 'no such user' });
  }
});

test('a rule error does not strike a denial', async () => {
  const driver = rig.open({ faults: [{ operation: 'updateAccess', kind: 'ruleError', times: 1 }] });
  const { shares } = await makeShares(driver, 'one', ['first']);
  const [share] = shares;
  if (share === undefined) throw new Error('no share');
  const denied = { ...share, accessRules: [], addRules: [], updateRules: [], deleteRules: [accessRule('alice')] };
  await driver.updateAccess(denied, callContext());
  expect((await grant(driver, share, [accessRule('alice')])).get('uid-rule-alice')?.state).toBe('error');
});

test('an incompatible service is the answer of the check and a refusal of the update', async () => {
  const match = { securityService: 'bad' };
  const faults: DummyFault[] = [
    { operation: 'checkUpdateShareServerSecurityService', kind: 'incompatible', match, message: 'no trust' },
    { operation: 'updateShareServerSecurityService', kind: 'incompatible', match },
  ];
  const driver = rig.open({ faults });
  const { server } = await makeShares(driver, 'one', []);
  const change = serviceUpdate(server, activeDirectory('bad'));
  await expect(driver.checkUpdateShareServerSecurityService?.(change, callContext())).resolves.toEqual({
    compatible: false,
    reason: 'SecurityServiceIncompatible',
    message: 'no trust',
  });
  await expect(driver.updateShareServerSecurityService?.(change, callContext())).rejects.toMatchObject({
    kind: 'Rejected',
  });
  const good = serviceUpdate(server, activeDirectory('good'));
  await expect(driver.checkUpdateShareServerSecurityService?.(good, callContext())).resolves.toMatchObject({
    compatible: true,
  });
});

test('a set-up that is rejected leaves something to tear down and says so', async () => {
  const driver = rig.open({ faults: [{ operation: 'setupServer', kind: 'rejected', times: 1 }] });
  const request = serverRequest('one');
  await expect(driver.setupServer(request, callContext())).rejects.toMatchObject({
    partial: { identifier: 'dummy-server-uid-one', backendDetails: { server_name: 'ONE' } },
  });
  await expect(driver.ensureServer?.(request, callContext())).resolves.toMatchObject({ exists: true });
  await driver.teardownServer(request, callContext());
  await expect(driver.ensureServer?.(request, callContext())).resolves.toMatchObject({ exists: false });
});

test('work in progress is finished by the call with its token, and not before', async () => {
  const driver = rig.open({ faults: [{ operation: 'setupServer', kind: 'inProgress' }] });
  const request = serverRequest('one');
  const context = callContext();
  const thrown: unknown = await driver.setupServer(request, context).catch((error: unknown) => error);
  if (!(thrown instanceof InProgress)) throw new Error(`expected InProgress, got ${String(thrown)}`);
  await expect(driver.ensureServer?.(request, callContext())).resolves.toMatchObject({ exists: false });
  const repeated: unknown = await driver.setupServer(request, context).catch((error: unknown) => error);
  expect(repeated).toMatchObject({ token: thrown.token });
  const operation = { ...context.operation, token: thrown.token };
  await driver.setupServer(request, { ...context, operation });
  await expect(driver.ensureServer?.(request, callContext())).resolves.toMatchObject({ exists: true });
});

test('a hanging call waits until its signal aborts and has then done nothing', async () => {
  const driver = rig.open({ faults: [{ operation: 'setupServer', kind: 'hang' }] });
  const abort = new AbortController();
  const request = serverRequest('one');
  const call = driver.setupServer(request, callContext({ signal: abort.signal }));
  const ended = vi.fn();
  call.then(ended, ended);
  await driver.getCapabilities(callContext());
  expect(ended).not.toHaveBeenCalled();
  abort.abort(new DOMException('too long', 'TimeoutError'));
  await expect(call).rejects.toMatchObject({ kind: 'Unavailable', reason: 'OperationTimeout' });
  await expect(driver.ensureServer?.(request, callContext())).resolves.toMatchObject({ exists: false });
});

test('a hanging call told to ignore its signal does the work late', async () => {
  const driver = rig.open({ faults: [{ operation: 'setupServer', kind: 'hang', message: 'ignore-abort 50ms' }] });
  const abort = new AbortController();
  const call = driver.setupServer(serverRequest('one'), callContext({ signal: abort.signal }));
  abort.abort();
  await expect(call).resolves.toMatchObject({ identifier: 'dummy-server-uid-one' });
});

test('latency delays a call and ends with its signal', async () => {
  const driver = rig.open({ latency: '1h' });
  const abort = new AbortController();
  const call = driver.getCapabilities(callContext({ signal: abort.signal }));
  abort.abort();
  await expect(call).rejects.toMatchObject({ kind: 'Unavailable', reason: 'OperationAborted' });
});
