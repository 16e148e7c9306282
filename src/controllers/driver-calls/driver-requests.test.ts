import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ShareServer } from '../../api/v1alpha1/share-server.ts';
import {
  driverNetwork,
  driverRule,
  driverServer,
  driverService,
  hostnameOf,
  serviceDetails,
} from './driver-requests.ts';

function server(uid: string, name = 'server'): ShareServer {
  return { metadata: { name, uid }, spec: { backendName: 'b', shareNetworkName: 'n', subnetName: 's' } };
}

describe('the host name of a share server', () => {
  it('is valid in NetBIOS and DNS, whatever the UID', () => {
    fc.assert(
      fc.property(fc.uuid(), (uid) => {
        expect(hostnameOf(server(uid))).toMatch(/^sn[a-z0-9]{13}$/);
      }),
    );
  });

  it('never changes: directories identify the server by it', () => {
    expect(hostnameOf(server('6d0cba1c-3c0b-4a6e-9a44-7f7f0e6a1a11'))).toBe('sn2ovgw3c804fcg');
    expect(hostnameOf(server('a', 'one'))).toBe(hostnameOf(server('a', 'two')));
  });

  it('is unique', () => {
    const names = Array.from({ length: 10_000 }, (_, index) => hostnameOf(server(`uid-${index}`)));
    expect(new Set(names).size).toBe(names.length);
  });
});

it('a driver gets the subnet as the server was given it, whatever became of it in the network', () => {
  const given = {
    name: 's',
    networkType: 'vlan',
    segmentationID: 7,
    cidr: '10.0.0.0/24',
    gateway: '10.0.0.1',
  } as const;
  const other = { name: 't', networkType: 'flat', cidr: '10.0.9.0/24', availabilityZone: 'z' } as const;
  const changed = { ...given, segmentationID: 8, cidr: '10.0.0.0/16', mtu: 9000 };
  const used: ShareServer = {
    ...server('uid-1'),
    status: { subnet: given, networkAllocations: [{ subnetName: 's', ipAddress: '10.0.0.10' }] },
  };
  for (const subnets of [[given, other], [changed, other], [other]]) {
    const network = { metadata: { name: 'n', uid: 'uid-n' }, spec: { subnets } };
    const told = driverNetwork(used, network);
    expect(told.allocations).toEqual([
      {
        subnetName: 's',
        ipAddress: '10.0.0.10',
        prefixLength: 24,
        networkType: 'vlan',
        segmentationID: 7,
        gateway: '10.0.0.1',
      },
    ]);
    expect(told.subnets).toEqual([other, given]);
    expect(driverServer(used, network, {}).allocations).toEqual(told.allocations);
  }
});

it('a driver gets the authorities that were found, and how an LDAP server is to be verified in any case', () => {
  const applied = { type: 'ldap', name: 'dir', uid: 'uid-1', generation: 1 } as const;
  expect(driverService(applied, undefined).tls).toEqual({ mode: 'Required' });
  const tls = { mode: 'Opportunistic', caSecretRef: { name: 'ca' } } as const;
  const found = { password: 'hunter2', authorities: 'PEM' };
  expect(driverService({ ...applied, tls }, found)).toMatchObject({
    password: 'hunter2',
    tls: { mode: 'Opportunistic', caBundle: 'PEM' },
  });
  expect(driverService({ ...applied, tls }, undefined).tls).toEqual({ mode: 'Opportunistic' });
  expect(driverService({ ...applied, type: 'active_directory' }, found)).not.toHaveProperty('tls');
  expect(serviceDetails([{ ...applied, tls: { caBundle: 'PEM', mode: 'Required' } }])).toEqual({
    security_service_ldap: '{"name":"dir","tls":{"mode":"Required"}}',
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

it('a driver gets a common name as it was judged: without the white space around it', () => {
  const told = (accessType: 'cert' | 'user', accessTo: string) =>
    driverRule({ metadata: { name: 'r', uid: 'u' }, spec: { shareName: 's', accessType, accessTo } }).accessTo;
  expect(told('cert', ' \u00a0client ')).toBe('client');
  expect(told('user', 'Domain Users')).toBe('Domain Users');
});
