import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { backendConfigOf, driverModules } from './registry.ts';
import { loadVendorDrivers } from './vendor-drivers.ts';

let folder: string;
const lines: object[] = [];
const ignore = (): void => undefined;
const logger = { debug: ignore, info: (fields: object) => void lines.push(fields), warn: ignore, error: ignore };

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sharenet-drivers-'));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

const driver = {
  driverAPIVersion: '1',
  configSchema: '{ safeParse: (data) => ({ success: true, data }) }',
  identityFields: "['pool']",
  createDriver: '() => ({})',
};

async function driverFile(
  file: string,
  members: Readonly<Record<string, string | undefined>> = {},
  name = "export const driverName = 'vendor.example/disk';",
): Promise<string> {
  const given = Object.entries({ ...driver, ...members }).filter(([, value]) => value !== undefined);
  const code = given.map(([member, value]) => `${member}: ${value},`).join('\n');
  const path = join(folder, file);
  await writeFile(path, `${name}\nexport const driverModule = {\n${code}\n};\n`);
  return path;
}

async function refusalOf(...paths: readonly string[]): Promise<string> {
  const loaded = loadVendorDrivers(driverModules, paths, logger);
  return await loaded.then(
    () => 'loaded',
    (error: unknown) => String(error),
  );
}

test('a driver in a file outside is one of the drivers, and is logged', async () => {
  const path = await driverFile('whole.mjs');
  const modules = await loadVendorDrivers(driverModules, [path], logger);
  const spec = { driver: 'vendor.example/disk', parameters: { pool: 'fast' } };
  expect(backendConfigOf(spec, modules)).toMatchObject({ valid: true, config: { pool: 'fast' } });
  expect([...modules.keys()]).toEqual([...driverModules.keys(), 'vendor.example/disk']);
  expect(lines).toContainEqual({ driver: 'vendor.example/disk', file: path });
});

test('a driver of another API version is refused for that, whatever else it has', async () => {
  const path = await driverFile('newer.mjs', { driverAPIVersion: '2', configSchema: undefined, createDriver: '1' });
  expect(await refusalOf(path)).toBe(
    `Error: driver file ${path}: its export driverModule.driverAPIVersion is 2: it must be 1, which is what this operator speaks`,
  );
});

test.each([
  ['createDriver', { createDriver: undefined }, 'driverModule.createDriver is missing: it must be a function'],
  ['configSchema', { configSchema: '{}' }, 'driverModule.configSchema.safeParse is missing: it must be a function'],
  ['identityFields', { identityFields: "'pool'" }, 'driverModule.identityFields is "pool": it must be a list of names'],
])('a driver with a wrong %s is refused with the member', async (name, members, message) => {
  expect(await refusalOf(await driverFile(`${name}.mjs`, members))).toContain(`its export ${message}`);
});

test('a file that is no driver is refused with its path', async () => {
  expect(await refusalOf(join(folder, 'absent.mjs'))).toMatch(/driver file .*absent\.mjs: Cannot find/);
  const nameless = await driverFile('nameless.mjs', {}, '');
  expect(await refusalOf(nameless)).toContain('its export driverName is missing');
  const throwing = join(folder, 'throwing.mjs');
  await writeFile(throwing, "throw new Error('no licence');\n");
  expect(await refusalOf(throwing)).toBe(`Error: driver file ${throwing}: no licence`);
});

test('two files can not have one driver, nor take the name of a built-in one', async () => {
  const [one, two] = [await driverFile('one.mjs'), await driverFile('two.mjs')];
  expect(await refusalOf(one, two)).toContain(`${two}: driver "vendor.example/disk": there is already a driver`);
  const dummy = await driverFile('dummy.mjs', {}, "export const driverName = 'dummy';");
  expect(await refusalOf(dummy)).toContain('its name must be like vendor.example/name');
});
