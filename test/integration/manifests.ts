import { apiVersion } from '../../src/api/v1alpha1/resource-types.ts';
import type { SecurityService, SecurityServiceSpec } from '../../src/api/v1alpha1/security-service.ts';
import type { Share, ShareSpec } from '../../src/api/v1alpha1/share.ts';
import type { ShareAccess, ShareAccessSpec } from '../../src/api/v1alpha1/share-access.ts';
import type { SecurityServiceReference, ShareNetwork, ShareNetworkSpec } from '../../src/api/v1alpha1/share-network.ts';
import type { StorageBackend, StorageBackendSpec } from '../../src/api/v1alpha1/storage-backend.ts';
import type { DummyBackendConfig } from '../../src/drivers/dummy/config.ts';

/** A backend of the dummy driver. */
export function backend(
  name: string,
  dummy: DummyBackendConfig,
  spec: Partial<StorageBackendSpec> = {},
): StorageBackend {
  return {
    apiVersion,
    kind: 'StorageBackend',
    metadata: { name },
    spec: { driver: 'dummy', maxSharesPerShareServer: 1, dummy, ...spec },
  };
}

/** A password Secret that is marked as credentials. */
export function passwordSecret(namespace: string, name: string, password: string): object {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { namespace, name, labels: { 'sharenet.io/credentials': 'true' } },
    stringData: { password },
  };
}

/** An Active Directory service whose password is in the Secret `<name>-password`. */
export function activeDirectory(
  namespace: string,
  name: string,
  spec: Partial<SecurityServiceSpec> = {},
): SecurityService {
  return {
    apiVersion,
    kind: 'SecurityService',
    metadata: { namespace, name },
    spec: {
      type: 'active_directory',
      dnsIPs: ['10.20.0.53'],
      domain: `${name}.example.com`,
      user: 'joiner',
      passwordSecretRef: { name: `${name}-password` },
      ...spec,
    },
  };
}

/** An LDAP service whose password is in the Secret `<name>-password`. */
export function ldap(namespace: string, name: string): SecurityService {
  return {
    apiVersion,
    kind: 'SecurityService',
    metadata: { namespace, name },
    spec: {
      type: 'ldap',
      servers: ['ldap.example.com'],
      user: 'cn=bind',
      passwordSecretRef: { name: `${name}-password` },
    },
  };
}

/** A network with one flat subnet. */
export function network(
  namespace: string,
  name: string,
  services: readonly SecurityServiceReference[],
  spec: Partial<ShareNetworkSpec> = {},
): ShareNetwork {
  return {
    apiVersion,
    kind: 'ShareNetwork',
    metadata: { namespace, name },
    spec: {
      securityServices: services,
      subnets: [{ name: 'default', networkType: 'flat', cidr: '10.20.0.0/16', gateway: '10.20.0.1' }],
      ...spec,
    },
  };
}

/** A share. */
export function share(namespace: string, name: string, spec: Partial<ShareSpec> = {}): Share {
  return {
    apiVersion,
    kind: 'Share',
    metadata: { namespace, name },
    spec: { protocol: 'CEPHFS', size: '1Gi', ...spec },
  };
}

/** An access rule; a cephx id unless said otherwise. */
export function access(
  namespace: string,
  name: string,
  shareName: string,
  spec: Partial<ShareAccessSpec> = {},
): ShareAccess {
  return {
    apiVersion,
    kind: 'ShareAccess',
    metadata: { namespace, name },
    spec: { shareName, accessType: 'cephx', accessTo: name, accessLevel: 'rw', ...spec },
  };
}
