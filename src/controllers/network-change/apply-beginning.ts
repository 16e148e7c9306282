import type { SecurityService } from '../../api/v1alpha1/security-service.ts';
import type { ShareServer, ShareServerStatus } from '../../api/v1alpha1/share-server.ts';
import { boundedDetails } from '../driver-calls/driver-data.ts';
import { appliedService, serviceDetails } from '../driver-calls/driver-requests.ts';

/** What is stored of a server whose call may begin: the operation, and the backend details with the new services. */
export function beginning(
  server: ShareServer,
  id: string,
  startedTime: string,
  serviceOf: (name: string) => SecurityService | undefined,
  changes: readonly { readonly to: { readonly name: string } }[],
): Partial<ShareServerStatus> {
  const services = changes.flatMap(({ to }) => {
    const service = serviceOf(to.name);
    return service === undefined ? [] : [appliedService(service, undefined)];
  });
  return {
    operation: { id, name: 'updateShareServerSecurityService', startedTime },
    backendDetails: boundedDetails(server.status?.backendDetails ?? {}, serviceDetails(services)),
  };
}
