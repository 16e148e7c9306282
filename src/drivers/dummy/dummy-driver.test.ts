import { afterEach, beforeEach, expect, test } from 'vitest';
import type { AccessUpdates, Driver, SecurityServiceUpdateResult, ShareRequest } from '../driver.ts';
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
} from './driver-rig.ts';

let rig: DriverRig;
beforeEach(async () => {
  rig = await createDriverRig();
});
afterEach(() => rig.cleanup());

const alice = accessRule('alice');

function keyOf(updates: AccessUpdates | undefined): string | undefined {
  return updates?.get(alice.id)?.accessKey;
}

async function oneShare(driver: Driver, server = 'one', name = 'share'): Promise<Required<ShareRequest>> {
  const { shares } = await makeShares(driver, server, [name]);
  const [share] = shares;
  if (share === undefined) throw new Error('no share');
  return share;
}

test.each(['admin', 'mon', 'osd'])('the id %s of the backend itself is an error of that rule', async (id) => {
  const driver = rig.open();
  const share = await oneShare(driver);
  const updates = await grant(driver, share, [accessRule(id), alice]);
  expect(updates.get(`uid-rule-${id}`)).toMatchObject({ state: 'error' });
  expect(keyOf(updates)).toBeTypeOf('string');
});

test('ids that differ by case are two', async () => {
  const driver = rig.open();
  const share = await oneShare(driver);
  const updates = await grant(driver, share, [alice, accessRule('Alice')]);
  expect(updates.get('uid-rule-Alice')?.accessKey).not.toBe(keyOf(updates));
});

test('an id is free again for another tenant when its last rule is denied', async () => {
  const driver = rig.open();
  const share = await oneShare(driver);
  const key = keyOf(await grant(driver, share, [alice]));
  const context = callContext({ tenant: { namespace: 'tenant-b', namespaceUID: 'uid-b' } });
  const server = serverRequest('two');
  await driver.setupServer(server, context);
  const theirs = shareRequest('theirs', server);
  await driver.createShare(theirs, context);
  expect((await grant(driver, theirs, [alice], context)).get(alice.id)?.state).toBe('error');
  await recover(driver, share, []);
  const theirKey = keyOf(await grant(driver, theirs, [alice], context));
  expect(theirKey).toBeTypeOf('string');
  expect(theirKey).not.toBe(key);
});

test('a namespace that was made again under its old name is another tenant', async () => {
  const driver = rig.open();
  const share = await oneShare(driver);
  await grant(driver, share, [alice]);
  const again = callContext({ tenant: { namespace: 'tenant-a', namespaceUID: 'uid-a-2' } });
  await expect(driver.deleteShare(share, again)).rejects.toMatchObject({ kind: 'Rejected', reason: 'ForeignObject' });
});

test('a target that is denied under one rule and wanted by another stays granted', async () => {
  const driver = rig.open();
  const share = await oneShare(driver);
  const key = keyOf(await grant(driver, share, [alice]));
  const older = { ...alice, id: 'uid-older' };
  const none = { addRules: [], updateRules: [] };
  await driver.updateAccess({ ...share, accessRules: [alice], deleteRules: [older], ...none }, callContext());
  expect(keyOf(await recover(driver, share, [alice]))).toBe(key);
});

test('a rule for a text that is no plain address is an error of that rule', async () => {
  const driver = rig.open();
  const share = await oneShare(driver);
  const sound = ['10.0.0.1', '10.0.0.0/8', 'fd00::1', 'fd00::/64'];
  const wrong = [
    'fe80::1%eth0',
    'fe80::%eth0/64',
    'fd00::1%',
    '10.0.0.1/33',
    '10.0.0.1/',
    '10.0.0.1/8/8',
    '::ffff:10.0.0.1',
  ];
  const rules = [...sound, ...wrong].map((text) => accessRule(text, 'ip'));
  const updates = await grant(driver, share, rules);
  const refused = rules.filter(({ id }) => updates.get(id)?.state === 'error').map(({ accessTo }) => accessTo);
  expect(refused).toEqual(wrong);
});

test('keys have the configured length', async () => {
  for (const accessKeyLength of [40, 255, 256]) {
    const driver = rig.open({ accessKeyLength }, `backend-${accessKeyLength}`);
    const share = await oneShare(driver);
    expect(keyOf(await grant(driver, share, [alice]))).toHaveLength(accessKeyLength);
  }
});

test('without access keys cephx rules are granted without one', async () => {
  const driver = rig.open({ accessKeys: false });
  expect((await driver.getCapabilities(callContext())).accessKeyTypes).toEqual([]);
  const share = await oneShare(driver);
  expect((await grant(driver, share, [alice])).get(alice.id)).toEqual({});
});

test('an update rotates keys once for all servers that take the service, and again when it is applied again', async () => {
  const driver = rig.open({ rotateKeysOnUpdate: true });
  const first = await oneShare(driver, 'one', 'first');
  const second = await oneShare(driver, 'two', 'second');
  const key = keyOf(await grant(driver, first, [alice]));
  await grant(driver, second, [alice]);
  const update = async (server: string, share: ShareRequest, id: string): Promise<string | undefined> => {
    const request = serviceUpdate(serverRequest(server), activeDirectory('lab'), [[share, [alice]]]);
    const context = callContext({ operation: { id, attempt: 1 } });
    const result: SecurityServiceUpdateResult | undefined = await driver.updateShareServerSecurityService?.(
      request,
      context,
    );
    return keyOf(result?.accessUpdates?.get(share.share.id));
  };
  const rotated = await update('one', first, 'operation-1');
  expect(rotated).toBeTypeOf('string');
  expect(rotated).not.toBe(key);
  expect(await update('one', first, 'operation-1')).toBe(rotated);
  expect(await update('two', second, 'operation-2')).toBe(rotated);
  expect(keyOf(await recover(driver, first, [alice]))).toBe(rotated);
  const again = await update('one', first, 'operation-3');
  expect(again).not.toBe(rotated);
  expect(await update('two', second, 'operation-4')).toBe(again);
});

test('an update without rotation answers no access updates', async () => {
  const driver = rig.open();
  const share = await oneShare(driver);
  await grant(driver, share, [alice]);
  const request = serviceUpdate(serverRequest('one'), activeDirectory('lab'), [[share, [alice]]]);
  const result = await driver.updateShareServerSecurityService?.(request, callContext());
  expect(result?.accessUpdates).toBeUndefined();
});

test('backend details show the services without their passwords', async () => {
  const driver = rig.open();
  const request = serverRequest('one', [activeDirectory('corp')]);
  const { backendDetails } = await driver.setupServer(request, callContext());
  expect(JSON.parse(backendDetails.security_service_active_directory ?? '')).toEqual({
    name: 'corp',
    domain: 'corp.example',
    dnsIPs: ['10.0.0.2'],
    user: 'joiner',
  });
  const update = serviceUpdate(request, activeDirectory('lab'));
  const result = await driver.updateShareServerSecurityService?.(update, callContext());
  expect(result?.backendDetails?.security_service_active_directory).toContain('lab.example');
});

test('a tear-down without the password of the directory warns that the machine account is left', async () => {
  const driver = rig.open();
  const { password: _, ...withoutPassword } = activeDirectory('corp');
  for (const [service, warnings] of [
    [activeDirectory('corp'), undefined],
    [withoutPassword, [expect.objectContaining({ reason: 'MachineAccountLeft' })]],
  ] as const) {
    const request = serverRequest('one', [activeDirectory('corp')]);
    await driver.setupServer(request, callContext());
    const result = await driver.teardownServer({ ...request, securityServices: [service] }, callContext());
    expect(result.warnings).toEqual(warnings);
  }
});

test.each([
  ['NFS', '10.0.0.7:/shares/uid-share'],
  ['CIFS', '\\\\10.0.0.7\\share-uid-share'],
  ['CEPHFS', '10.0.0.7:6789:/volumes/_nogroup/uid-share'],
] as const)('a %s share is exported on the address of its server', async (protocol, path) => {
  const driver = rig.open();
  const server = serverRequest('one');
  await driver.setupServer(server, callContext());
  const { share } = shareRequest('share', server);
  const { exportLocations } = await driver.createShare(
    { share: { ...share, protocol }, server: server.server },
    callContext(),
  );
  expect(exportLocations).toMatchObject([{ path, address: '10.0.0.7', preferred: true }]);
});

test('capacity goes down by the sizes of shares, and what is beyond it is refused', async () => {
  const driver = rig.open();
  const available = async (): Promise<number> => (await driver.getCapabilities(callContext())).capacity?.available ?? 0;
  const all = await available();
  const request = await oneShare(driver);
  const { size } = request.share;
  expect(await available()).toBe(all - size);
  await driver.extendShare({ ...request, newSize: 3 * size }, callContext());
  expect(await available()).toBe(all - 3 * size);
  await expect(driver.extendShare({ ...request, newSize: 2 * all }, callContext())).rejects.toMatchObject({
    reason: 'InsufficientCapacity',
  });
  await driver.deleteShare(request, callContext());
  expect(await available()).toBe(all);
});

test('a backend that does not handle share servers takes shares without one, and no changed services', async () => {
  const driver = rig.open({ driverHandlesShareServers: false });
  expect(await driver.getCapabilities(callContext())).toMatchObject({
    driverHandlesShareServers: false,
    securityServiceUpdateSupport: false,
    networkAllocationsPerServer: 0,
  });
  const { share } = shareRequest('share', serverRequest('one'));
  const { exportLocations } = await driver.createShare({ share }, callContext());
  expect(exportLocations).toHaveLength(1);
  await expect(driver.setupServer(serverRequest('one'), callContext())).rejects.toMatchObject({ kind: 'Rejected' });
});

test('without support the check and the update of a service are refused', async () => {
  const driver = rig.open({ securityServiceUpdateSupport: false });
  const { server } = await makeShares(driver, 'one', []);
  const request = serviceUpdate(server, activeDirectory('lab'));
  await expect(driver.checkUpdateShareServerSecurityService?.(request, callContext())).resolves.toMatchObject({
    compatible: false,
    reason: 'SecurityServiceUpdateNotSupported',
  });
  await expect(driver.updateShareServerSecurityService?.(request, callContext())).rejects.toMatchObject({
    kind: 'Rejected',
  });
});
