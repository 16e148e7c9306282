import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';
import { dummyConfigSchema } from './config.ts';
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
} from './driver-rig.ts';
import { dummyDriver } from './module.ts';
import { directoryDocumentStore } from './storage/document-store.ts';
import { serverSchema, shareSchema } from './storage/documents.ts';

let rig: DriverRig;
beforeEach(async () => {
  rig = await createDriverRig();
});
afterEach(() => rig.cleanup());

test('servers, shares, rules and keys are there after a restart', async () => {
  const before = rig.open();
  const { server, shares } = await makeShares(before, 'one', ['first', 'second']);
  const rules = [accessRule('alice'), accessRule('10.0.0.9', 'ip')];
  const keys = await Promise.all(shares.map((share) => grant(before, share, rules)));
  await before.close();
  const after = rig.open();
  await expect(after.ensureServer?.(server, callContext())).resolves.toEqual({ exists: true, healthy: true });
  expect(await Promise.all(shares.map((share) => recover(after, share, rules)))).toEqual(keys);
});

test('what a person sets in the files takes effect: use, health, a request for recovery', async () => {
  const driver = rig.open();
  const { server, shares } = await makeShares(driver, 'one', ['first']);
  const [request] = shares;
  if (request === undefined) throw new Error('no share');
  const folder = join(rig.stateDirectory, 'backends', 'backend-1');
  await edit(join(folder, 'shares', 'uid-first.json'), { usedBytes: 2 ** 29, reapplyAccess: true });
  await edit(join(folder, 'servers', 'uid-one.json'), { unhealthyReason: 'lost its disk' });
  await expect(driver.shrinkShare({ ...request, newSize: 2 ** 28 }, callContext())).rejects.toMatchObject({
    kind: 'Rejected',
    reason: 'ShareShrinkingPossibleDataLoss',
  });
  await expect(driver.ensureServer?.(server, callContext())).resolves.toMatchObject({ reason: 'lost its disk' });
  await expect(driver.ensureShare?.(request, callContext())).resolves.toMatchObject({ reapplyAccess: true });
  await recover(driver, request, []);
  await expect(driver.ensureShare?.(request, callContext())).resolves.toMatchObject({ reapplyAccess: false });
});

test('a file that is no JSON is named, not quoted', async () => {
  const driver = rig.open();
  const { shares } = await makeShares(driver, 'one', ['first']);
  const [request] = shares;
  if (request === undefined) throw new Error('no share');
  const rule = accessRule('alice');
  await grant(driver, request, [rule]);
  const folder = join(rig.stateDirectory, 'backends', 'backend-1', 'keys');
  const [name = ''] = await readdir(folder);
  await writeFile(join(folder, name), '{"key": AQsecret}');
  const error: unknown = await recover(driver, request, [rule]).catch((thrown: unknown) => thrown);
  expect(String(error)).toContain(name);
  expect(String(error)).not.toContain('AQsecret');
});

test('two backends in one directory are apart and share the call log', async () => {
  const one = rig.open({}, 'backend-1');
  const two = rig.open({}, 'backend-2');
  await makeShares(one, 'one', []);
  await expect(two.ensureServer?.(serverRequest('one'), callContext())).resolves.toMatchObject({ exists: false });
  expect(new Set((await rig.calls()).map(({ backend }) => backend))).toEqual(new Set(['backend-1', 'backend-2']));
});

test('every call is logged when it starts and when it ends, without secrets', async () => {
  const faults = [{ operation: 'extendShare', kind: 'rejected', message: 'no space' }] as const;
  const driver = rig.open({ faults });
  const server = serverRequest('one', [activeDirectory('corp')]);
  await driver.setupServer(server, callContext());
  const { shares } = await makeShares(driver, 'one', ['first']);
  const [request] = shares;
  if (request === undefined) throw new Error('no share');
  const rule = accessRule('alice');
  const key = (await grant(driver, request, [rule])).get(rule.id)?.accessKey ?? '';
  const update = serviceUpdate(server, activeDirectory('lab'), [[request, [rule]]]);
  await driver.updateShareServerSecurityService?.(update, callContext());
  await expect(driver.extendShare({ ...request, newSize: 2 ** 31 }, callContext())).rejects.toThrow();
  const calls = await rig.calls();
  expect(calls.map(({ operation, event, result }) => [operation, event, result])).toEqual([
    ['setupServer', 'start', undefined],
    ['setupServer', 'end', 'ok'],
    ['setupServer', 'start', undefined],
    ['setupServer', 'end', 'ok'],
    ['createShare', 'start', undefined],
    ['createShare', 'end', 'ok'],
    ['updateAccess', 'start', undefined],
    ['updateAccess', 'end', 'ok'],
    ['updateShareServerSecurityService', 'start', undefined],
    ['updateShareServerSecurityService', 'end', 'ok'],
    ['extendShare', 'start', undefined],
    ['extendShare', 'end', 'error'],
  ]);
  expect(calls.find(({ operation }) => operation === 'updateAccess')).toMatchObject({
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
    backend: 'backend-1',
    namespace: 'tenant-a',
    shareServer: 'one',
    share: 'first',
    args: { accessRules: [rule], addRules: [rule], deleteRules: [], updateRules: [] },
  });
  expect(calls.at(-1)).toMatchObject({ message: 'no space', args: { newSize: 2 ** 31 } });
  const text = JSON.stringify(calls);
  expect(key).not.toBe('');
  for (const secret of [key, 'password-of-corp', 'password-of-lab', 'secret-token']) expect(text).not.toContain(secret);
});

test('a process killed while it works leaves whole documents that the next one continues with', {
  timeout: 60_000,
}, async () => {
  for (let round = 0; round < 5; round += 1) {
    const size = await logSize();
    const writer = startWriter();
    onTestFinished(() => void writer.kill('SIGKILL'));
    const exited = once(writer, 'exit');
    const store = directoryDocumentStore(join(rig.stateDirectory, 'backends', 'backend-1'));
    const deadline = Date.now() + 20_000;
    while ((await logSize()) < size + 100_000 + round * 7_777 && Date.now() < deadline) {
      // Read while the other process writes: a document that is not replaced in one step shows here.
      for (const share of store.list('shares')) shareSchema.parse(share);
    }
    expect(await logSize()).toBeGreaterThan(size);
    writer.kill('SIGKILL');
    await exited;
    for (const server of store.list('servers')) serverSchema.parse(server);
    for (const share of store.list('shares')) {
      const { id, name } = shareSchema.parse(share);
      const rule = accessRule(`client-${id}`);
      const request = { share: { id, name, protocol: 'CEPHFS', size: 2 ** 30, exportLocations: [] } } as const;
      const updates = await recover(rig.open(), request, [rule]);
      expect(updates.get(rule.id)?.accessKey).toBeTypeOf('string');
    }
    expect((await rig.calls()).length).toBeGreaterThan(0);
  }
});

test('a thousand rules over a hundred shares are small files, not one big one', async () => {
  const driver = rig.open();
  const names = Array.from({ length: 100 }, (_, index) => `share-${index}`);
  const { shares } = await makeShares(driver, 'one', names);
  for (const [index, share] of shares.entries()) {
    await grant(
      driver,
      share,
      Array.from({ length: 10 }, (_, rule) => accessRule(`client-${index}-${rule}`)),
    );
  }
  const folder = join(rig.stateDirectory, 'backends', 'backend-1');
  expect(await readdir(join(folder, 'shares'))).toHaveLength(100);
  expect(await readdir(join(folder, 'keys'))).toHaveLength(1000);
  expect((await stat(join(folder, 'shares', 'uid-share-0.json'))).size).toBeLessThan(10_000);
});

test('without a state directory the backend outlives its driver, within the process', async () => {
  const open = (latency: string): ReturnType<typeof dummyDriver.createDriver> =>
    dummyDriver.createDriver({
      backendName: 'memory-1',
      config: dummyConfigSchema.parse({ latency }),
      credentials: {},
      installationID: 'installation-1',
      logger: callContext().logger,
    });
  const { server } = await makeShares(open('0s'), 'one', []);
  await expect(open('1ms').ensureServer?.(server, callContext())).resolves.toMatchObject({ exists: true });
});

async function edit(path: string, fields: object): Promise<void> {
  await writeFile(path, JSON.stringify({ ...JSON.parse(await readFile(path, 'utf8')), ...fields }));
}

async function logSize(): Promise<number> {
  return (await stat(join(rig.stateDirectory, 'calls.jsonl')).catch(() => undefined))?.size ?? 0;
}

/** A process that makes shares and grants and denies rules until it is killed. */
function startWriter(): ChildProcess {
  const module = new URL('./driver-rig.ts', import.meta.url).href;
  const config = new URL('./config.ts', import.meta.url).href;
  const driver = new URL('./module.ts', import.meta.url).href;
  const script = `
    const { accessRule, callContext, grant, makeShares, recover } = await import(${JSON.stringify(module)});
    const { dummyConfigSchema } = await import(${JSON.stringify(config)});
    const { dummyDriver } = await import(${JSON.stringify(driver)});
    const driver = dummyDriver.createDriver({
      backendName: 'backend-1',
      config: dummyConfigSchema.parse({ stateDirectory: ${JSON.stringify(rig.stateDirectory)} }),
      credentials: {},
      installationID: 'installation-1',
      logger: callContext().logger,
    });
    for (;;) {
      const { shares } = await makeShares(driver, 'one', ['first', 'second']);
      for (const share of shares) {
        await grant(driver, share, [accessRule('client-' + share.share.id)]);
        await recover(driver, share, []);
      }
      for (const share of shares) await driver.deleteShare(share, callContext());
    }`;
  return spawn(process.execPath, ['--input-type=module', '--eval', script], { stdio: 'inherit' });
}
