import type { AccessType, Capabilities, DriverCapacity, ShareProtocol } from '../driver.ts';
import type { DummyConfig } from './config.ts';

/** Access types that the dummy takes, per protocol. */
export const accessTypesByProtocol: Readonly<Record<ShareProtocol, readonly AccessType[]>> = {
  NFS: ['ip', 'user', 'cert'],
  CIFS: ['user', 'ip'],
  CEPHFS: ['cephx', 'ip', 'user'],
};

/** What a dummy backend of this configuration can do. */
export function capabilitiesOf(config: DummyConfig, capacity: DriverCapacity): Capabilities {
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
    capacity,
  };
}
