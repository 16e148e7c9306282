import type { DriverSecurityService, DriverServer } from '../../driver.ts';
import type { SambaConfig } from '../config.ts';

/** A share server as the program on a host takes it. */
export function serverView({ id, name, hostname, allocations }: DriverServer): object {
  return { id, name, hostname, allocations };
}

/** A security service as the program on a host takes it, with its password. */
export function serviceView(service: DriverSecurityService): object {
  const { id, name, type, dnsIPs, servers, domain, user, password, ou, defaultADSite, tls } = service;
  return { id, name, type, dnsIPs, servers, domain, user, password, ou, defaultADSite, tls };
}

/** What of the backend's configuration concerns share servers. */
export function settingsOf({ deniedRanges, idmap, updateDNS }: SambaConfig): object {
  return { deniedRanges, idmapRange: idmap, updateDNS };
}

/** The passwords of services, which must not show in any error. */
export function passwordsOf(services: readonly (DriverSecurityService | undefined)[]): readonly string[] {
  return services.flatMap((service) => service?.password ?? []);
}
