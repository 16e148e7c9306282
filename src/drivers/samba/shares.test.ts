import { expect, test } from 'vitest';
import { exportLocationsOf } from './shares.ts';

const allocation = (ipAddress: string) =>
  ({ ipAddress, prefixLength: 64, networkType: 'flat', subnetName: 'a' }) as const;

test('a share is found by each address of its server, in the form that Windows takes', () => {
  const server = { hostname: 'SN-1', allocations: [allocation('192.0.2.10'), allocation('2001:db8::1')] };
  const metadata = { shareName: 'share-1', server: 'SN-1' };
  expect(exportLocationsOf(server, 'share-1')).toEqual([
    { path: '\\\\192.0.2.10\\share-1', address: '192.0.2.10', preferred: true, metadata },
    { path: '\\\\2001-db8--1.ipv6-literal.net\\share-1', address: '2001:db8::1', preferred: false, metadata },
  ]);
});
