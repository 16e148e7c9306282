import { afterEach, beforeEach, expect, test } from 'vitest';
import { AdmissionRig, activeServer, namespace, recordsAD } from '../../test/faults/admission-rig.ts';
import type { AdmissionRequest } from './admission-review.ts';
import { deletionWarning } from './deletion-warning.ts';

let rig: AdmissionRig;

beforeEach(async () => {
  rig = await AdmissionRig.make();
  const spec = { type: 'active_directory', dnsIPs: ['10.0.0.53'], domain: 'example.com', user: 'joiner' } as const;
  rig.show('securityServices', { metadata: { name: 'ad', namespace, uid: 'uid-ad' }, spec });
});

afterEach(async () => {
  await rig[Symbol.asyncDispose]();
});

function deleting(resource: string, name: string, request: Partial<AdmissionRequest> = {}): string | undefined {
  const deletion: AdmissionRequest = {
    uid: '1',
    operation: 'DELETE',
    resource: { group: 'sharenet.io', version: 'v1alpha1', resource },
    ...(resource === 'storagebackends' ? {} : { namespace }),
    name,
  };
  return deletionWarning({ ...deletion, ...request } as AdmissionRequest, rig.state);
}

const refersToAD = { spec: { securityServices: [{ type: 'active_directory', name: 'ad' }] } } as const;

test('nothing in the way is nothing to warn of', () => {
  expect(deleting('securityservices', 'ad')).toBeUndefined();
  expect(deleting('securityservices', 'unknown')).toBeUndefined();
  expect(deleting('sharenetworks', 'net')).toBeUndefined();
  expect(deleting('storagebackends', 'b')).toBeUndefined();
  expect(deleting('shareaccesses', 'rule')).toBeUndefined();
});

test('a service that servers have is said to stay, and its Secret to be needed', () => {
  rig.show('shareNetworks', { metadata: { name: 'net', namespace }, ...refersToAD, status: recordsAD });
  rig.show('shareServers', activeServer('server', { securityServices: recordsAD.securityServices ?? [] }));
  expect(deleting('securityservices', 'ad')).toBe(
    'SecurityService ad stays until it is not used any more by ShareNetwork net, ShareServer server; keep the Secret of its password until then',
  );
  expect(deleting('securityservices', 'ad', { operation: 'CONNECT' })).toBeUndefined();
});

test('a service that is only referred to is said to be missed', () => {
  rig.show('shareNetworks', { metadata: { name: 'net', namespace }, ...refersToAD });
  expect(deleting('securityservices', 'ad')).toBe('ShareNetworks refer to SecurityService ad and will miss it: net');
});

test('a network stays until its shares are deleted, a backend until what is on it is', () => {
  const share = { protocol: 'CEPHFS', size: '1Gi', shareNetworkName: 'net' } as const;
  rig.show('shares', { metadata: { name: 'one', namespace }, spec: share, status: { backendName: 'b' } });
  // One of a collection, that is named by the object only.
  const one = { oldObject: { metadata: { name: 'net', namespace } } };
  expect(deleting('sharenetworks', '', one)).toBe(deleting('sharenetworks', 'net'));
  expect(deleting('sharenetworks', 'net')).toBe('ShareNetwork net stays until the shares on it are deleted: one');
  expect(deleting('storagebackends', 'b')).toBe(
    `StorageBackend b stays until what is on it is deleted: Share ${namespace}/one`,
  );
});
