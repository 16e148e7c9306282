import { expect, test } from 'vitest';
import { z } from 'zod';
import type { DriverModule } from './driver.ts';
import { dummyDriver } from './dummy/module.ts';
import { backendConfigOf, driverModules, withVendorDriver } from './registry.ts';

const vendorDriver: DriverModule = {
  ...dummyDriver,
  configSchema: z.strictObject({ pool: z.string(), nodes: z.array(z.object({ port: z.int() })).optional() }),
};

const dummySpec = (dummy: object) => ({ driver: 'dummy', dummy });

test('a built-in driver is configured by the member of its name, with defaults', () => {
  const configured = backendConfigOf(dummySpec({ latency: '2s' }));
  expect(configured).toMatchObject({ valid: true, module: dummyDriver, config: { latency: '2s', accessKeys: true } });
});

test('an absent member counts as empty', () => {
  expect(backendConfigOf({ driver: 'dummy' })).toMatchObject({ valid: true, config: { latency: '0s' } });
});

test('a wrong field is named in one line', () => {
  const configured = backendConfigOf(dummySpec({ latency: 'soon' }));
  const message = 'spec.dummy.latency: must be a duration such as 150ms, 2s or 1m30s';
  expect(configured).toEqual({ valid: false, message });
});

test('an unknown driver is named together with those that are known', () => {
  const message = 'spec.driver: there is no driver "netapp"; known: cephfs, dummy, samba';
  expect(backendConfigOf({ driver: 'netapp' })).toEqual({ valid: false, message });
});

test('a driver of someone else is configured by parameters', () => {
  const modules = withVendorDriver(driverModules, 'vendor.example/name', vendorDriver);
  const configure = (parameters: Record<string, unknown>): unknown =>
    backendConfigOf({ driver: 'vendor.example/name', parameters }, modules);
  expect(configure({ pool: 'fast' })).toEqual({ valid: true, module: vendorDriver, config: { pool: 'fast' } });
  expect(configure({ pool: 'fast', nodes: [{ port: 'x' }] })).toMatchObject({
    valid: false,
    message: expect.stringMatching(/^spec\.parameters\.nodes\.0\.port: /),
  });
  expect(driverModules.has('vendor.example/name')).toBe(false);
});

test.each(['name', 'vendor/name', 'vendor.example/', 'Vendor.example/name', '../a.b/c', 'vendor.example/a/b'])(
  'a driver of someone else may not be named %s',
  (name) => {
    expect(() => withVendorDriver(driverModules, name, vendorDriver)).toThrow('must be like vendor.example/name');
  },
);

test('a name can be given once, and only to a driver of the API version that is spoken', () => {
  const modules = withVendorDriver(driverModules, 'vendor.example/name', vendorDriver);
  expect(() => withVendorDriver(modules, 'vendor.example/name', vendorDriver)).toThrow('already a driver of this name');
  const newer: DriverModule = { ...vendorDriver };
  Reflect.set(newer, 'driverAPIVersion', 2);
  expect(() => withVendorDriver(driverModules, 'vendor.example/next', newer)).toThrow('driverAPIVersion is 2');
});
