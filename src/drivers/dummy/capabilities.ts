import type { AccessType, Capabilities, ShareProtocol } from '../driver.ts';
import type { Backend } from './backend.ts';

/** Access types that the dummy takes, per protocol. */
export const accessTypesByProtocol: Readonly<Record<ShareProtocol, readonly AccessType[]>> = {
  NFS: ['ip', 'user', 'cert'],
  CIFS: ['user', 'ip'],
  CEPHFS: ['cephx', 'ip', 'user'],
};

/** What the backend can do by its configuration. */
export function getCapabilities({ config, storage }: Backend): Capabilities {
  const driverHandlesShareServers = config.driverHandlesShareServers;
  return {
    driverHandlesShareServers,
    securityServiceUpdateSupport: driverHandlesShareServers && config.securityServiceUpdateSupport,
    securityServiceTypes: config.securityServiceTypes,
    ...(driverHandlesShareServers ? { requiredSecurityServices: { CIFS: ['active_directory', 'ldap'] } } : {}),
    shareProtocols: config.shareProtocols,
    accessTypesByProtocol,
    accessLevels: ['rw', 'ro'],
    accessKeyTypes: config.accessKeys ? ['cephx'] : [],
    networkAllocationsPerServer: driverHandlesShareServers ? 1 : 0,
    backendInfo: 'dummy/1',
    capacity: storage.capacity(),
  };
}
