import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ShareServer } from '../api/v1alpha1/share-server.ts';
import { hostnameOf, serviceDetails } from './driver-requests.ts';

function server(uid: string, name = 'server'): ShareServer {
  return { metadata: { name, uid }, spec: { backendName: 'b', shareNetworkName: 'n', subnetName: 's' } };
}

describe('the host name of a share server', () => {
  it('is fit for NetBIOS and DNS, whatever the UID', () => {
    fc.assert(
      fc.property(fc.uuid(), (uid) => {
        expect(hostnameOf(server(uid))).toMatch(/^sn[a-z0-9]{13}$/);
      }),
    );
  });

  it('stays the same for ever: directories know the server by it', () => {
    expect(hostnameOf(server('6d0cba1c-3c0b-4a6e-9a44-7f7f0e6a1a11'))).toBe('sn2ovgw3c804fcg');
    expect(hostnameOf(server('a', 'one'))).toBe(hostnameOf(server('a', 'two')));
  });

  it('is not taken twice', () => {
    const names = Array.from({ length: 10_000 }, (_, index) => hostnameOf(server(`uid-${index}`)));
    expect(new Set(names).size).toBe(names.length);
  });
});

it('backend details show every field of a service but identity and credentials', () => {
  const details = serviceDetails([
    {
      type: 'ldap',
      name: 'dir',
      uid: 'uid-1',
      generation: 4,
      credentialsVersion: 'digest',
      domain: 'example.com',
      servers: ['10.0.0.1'],
    },
  ]);
  expect(details).toEqual({
    security_service_ldap: '{"name":"dir","domain":"example.com","servers":["10.0.0.1"]}',
  });
});
