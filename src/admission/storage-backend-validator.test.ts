import { afterEach, beforeEach, expect, it } from 'vitest';
import { AdmissionRig, activeServer, namespace, probedBackend } from '../../test/faults/admission-rig.ts';
import type { StorageBackend, StorageBackendSpec } from '../api/v1alpha1/storage-backend.ts';
import { storageBackendValidator } from './storage-backend-validator.ts';
import { allowed } from './verdict.ts';

const probed = probedBackend('backend', {}, { dummy: { stateDirectory: '/a' } });
const stored: StorageBackend = {
  ...probed,
  status: { ...probed.status, identity: { stateDirectory: '"/a"', driverHandlesShareServers: 'true' } },
};

function changed(spec: Partial<StorageBackendSpec>, from = stored): StorageBackend {
  return { ...from, spec: { ...from.spec, ...spec } };
}

let rig: AdmissionRig;

beforeEach(async () => {
  rig = await AdmissionRig.make();
});

afterEach(async () => {
  await rig[Symbol.asyncDispose]();
});

const update = (object: StorageBackend, oldObject = stored) => rig.update(storageBackendValidator, oldObject, object);

it.each<[Partial<StorageBackendSpec>, string]>([
  [{ dummy: { latency: 'soon' } }, 'spec.dummy.latency: must be a duration such as 150ms, 2s or 1m30s'],
  [{ dummy: { faults: [{ operation: 'makeTea', kind: 'hang' }] } }, 'spec.dummy.faults.0.operation: must be one of'],
  [
    { driver: 'vendor.example/filer', parameters: {} },
    'there is no driver "vendor.example/filer"; known: cephfs, dummy, samba',
  ],
  [
    { driver: 'vendor.example/filer', parameters: { text: 'x'.repeat(17_000) } },
    'spec.parameters: has 17011 bytes as JSON, more than 16384',
  ],
])('a configuration that its driver refuses is refused: %#', (spec, says) => {
  const refusal = { allowed: false, code: 400, reason: 'InvalidConfiguration', message: expect.stringContaining(says) };
  expect(rig.create(storageBackendValidator, changed(spec))).toEqual(refusal);
  expect(update(changed(spec))).toEqual(refusal);
  // Stored while the webhook was away.
  const bad = changed(spec);
  expect(update({ ...bad, metadata: { ...bad.metadata, labels: { a: 'b' } } }, bad)).toEqual(allowed);
});

it('a configuration that is valid passes', () => {
  expect(rig.create(storageBackendValidator, changed({ dummy: { latency: '2s' } }))).toEqual(allowed);
});

it('identity fields change only while nothing is on the backend', () => {
  const other = changed({ dummy: { stateDirectory: '/b', driverHandlesShareServers: false } });
  expect(update(other)).toEqual(allowed);
  rig.show('shareServers', activeServer('server'));
  expect(update(other)).toEqual({
    allowed: false,
    code: 403,
    reason: 'IdentityFieldsImmutable',
    message:
      "spec.dummy.driverHandlesShareServers, spec.dummy.stateDirectory can't change while the backend is in use by " +
      'ShareServer tenant/server; for another storage system make another StorageBackend',
  });
  expect(update(changed({ dummy: { stateDirectory: '/a', latency: '5s' } }))).toEqual(allowed);
  // Back to what is in force.
  expect(update(stored, changed({ dummy: { stateDirectory: '/b' } }))).toEqual(allowed);
});

it('a share that only asks for the backend does not hold its identity', () => {
  rig.show('shares', {
    metadata: { name: 'share', namespace },
    spec: { protocol: 'NFS', size: '1Gi', backendName: 'backend' },
  });
  expect(update(changed({ dummy: { stateDirectory: '/b' } }))).toEqual(allowed);
});
