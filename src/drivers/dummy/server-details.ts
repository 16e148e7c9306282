import type { DriverSecurityService } from '../driver.ts';
import { serviceView } from './calls/call.ts';
import type { ServerDocument } from './storage/documents.ts';

/** The security services by type, as a server keeps them: without passwords. */
export function servicesByType(services: readonly DriverSecurityService[]): ServerDocument['securityServices'] {
  return Object.fromEntries(services.map((service) => [service.type, serviceView(service)]));
}

/** What a tenant may see of a share server; a service is a JSON text under `security_service_<type>`, as in Manila. */
export function backendDetailsOf(server: ServerDocument): Record<string, string> {
  return {
    server_name: server.hostname,
    addresses: server.addresses.join(', '),
    ...Object.fromEntries(
      Object.entries(server.securityServices).map(
        ([type, { id: _id, type: _type, passwordSet: _passwordSet, ...service }]) => [
          `security_service_${type}`,
          JSON.stringify(service),
        ],
      ),
    ),
  };
}
