import type { CallContext, Capabilities } from '../driver.ts';
import type { Backend } from './backend.ts';

/** Asks for all that operations need: a backend whose probe succeeds must be able to work. */
export async function getCapabilities(
  { system }: Backend,
  { signal }: Pick<CallContext, 'signal'>,
): Promise<Capabilities> {
  await system.probe(signal);
  return {
    driverHandlesShareServers: true,
    securityServiceUpdateSupport: true,
    securityServiceTypes: ['active_directory'],
    requiredSecurityServices: { CIFS: ['active_directory'] },
    shareProtocols: ['CIFS'],
    accessTypesByProtocol: { CIFS: ['user', 'ip'] },
    accessLevels: ['rw', 'ro'],
    accessKeyTypes: [],
    networkAllocationsPerServer: 1,
  };
}
