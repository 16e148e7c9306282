import type { SecurityServiceSpec } from '../../src/api/v1alpha1/security-service.ts';
import type { ShareSpec } from '../../src/api/v1alpha1/share.ts';
import type { ShareAccessSpec } from '../../src/api/v1alpha1/share-access.ts';
import type { ShareNetworkSpec } from '../../src/api/v1alpha1/share-network.ts';
import type { ShareServerSpec } from '../../src/api/v1alpha1/share-server.ts';
import type { StorageBackendSpec } from '../../src/api/v1alpha1/storage-backend.ts';

const storageBackend: StorageBackendSpec = { driver: 'dummy', dummy: {} };

const securityService: SecurityServiceSpec = {
  type: 'active_directory',
  dnsIPs: ['10.0.0.53'],
  domain: 'ad.example.com',
  user: 'joiner',
  passwordSecretRef: { name: 'ad-password' },
  ou: 'OU=Filers,DC=ad,DC=example,DC=com',
};

const shareNetwork: ShareNetworkSpec = {
  securityServices: [{ type: 'active_directory', name: 'ad-a' }],
  subnets: [
    {
      name: 'default',
      networkType: 'flat',
      cidr: '10.0.0.0/24',
      gateway: '10.0.0.1',
      allocationRanges: ['10.0.0.10-10.0.0.99', '10.0.0.128/25'],
    },
  ],
};

const shareServer: ShareServerSpec = { backendName: 'dummy', shareNetworkName: 'net-1', subnetName: 'default' };

const share: ShareSpec = { protocol: 'NFS', size: '10Gi', shareNetworkName: 'net-1' };

const shareAccess: ShareAccessSpec = { shareName: 'share-1', accessType: 'ip', accessTo: '10.0.0.7' };

/** A spec of each kind that every rule lets pass. */
export const validSpecs: ReadonlyMap<string, object> = new Map(
  Object.entries({
    StorageBackend: storageBackend,
    SecurityService: securityService,
    ShareNetwork: shareNetwork,
    ShareServer: shareServer,
    Share: share,
    ShareAccess: shareAccess,
  }),
);

/** The valid subnet with changes, as the list of a network's subnets. */
export function subnets(...changes: readonly object[]): { readonly subnets: readonly object[] } {
  const [subnet] = shareNetwork.subnets ?? [];
  return { subnets: changes.map((change) => ({ ...subnet, ...change })) };
}
