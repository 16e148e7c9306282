import { expect, test } from 'vitest';
import { dummyConfigSchema } from './config.ts';

test('an empty configuration gets the defaults', () => {
  expect(dummyConfigSchema.parse({})).toEqual({
    driverHandlesShareServers: true,
    securityServiceUpdateSupport: true,
    securityServiceTypes: ['active_directory', 'ldap', 'kerberos'],
    shareProtocols: ['NFS', 'CIFS', 'CEPHFS'],
    accessKeys: true,
    latency: '0s',
    rotateKeysOnUpdate: false,
    accessKeyLength: 40,
    faults: [],
  });
});

test.each([
  ['an unknown field', { colour: 'red' }],
  ['a duration without a unit', { latency: '5' }],
  ['a state directory that depends on where the process runs', { stateDirectory: 'state' }],
  ['an empty key', { accessKeyLength: 0 }],
  ['a fault of an unknown method', { faults: [{ operation: 'updateAcess', kind: 'rejected' }] }],
  ['a fault of an unknown kind', { faults: [{ operation: 'updateAccess', kind: 'slow' }] }],
  ['a fault that strikes less than never', { faults: [{ operation: 'updateAccess', kind: 'hang', times: -1 }] }],
  ['a match of an unknown field', { faults: [{ operation: 'updateAccess', kind: 'hang', match: { rule: 'x' } }] }],
])('%s is refused', (_, config) => {
  expect(dummyConfigSchema.safeParse(config).success).toBe(false);
});
