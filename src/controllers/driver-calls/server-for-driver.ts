import type { ShareNetwork } from '../../api/v1alpha1/share-network.ts';
import type { ShareServer } from '../../api/v1alpha1/share-server.ts';
import type { DriverServer } from '../../drivers/driver.ts';
import type { Operator } from '../operator.ts';
import { readBackendSecrets } from './backend-secrets.ts';
import { driverServer } from './driver-requests.ts';

/** A share server for the driver, with its secret data. */
export function serverForDriver(
  operator: Operator,
  server: ShareServer,
  network: ShareNetwork | undefined,
): DriverServer {
  return driverServer(server, network, readBackendSecrets(operator, server));
}

/** The share server in a request about a share; none where the backend has no share servers. */
export function serverOfShare(
  operator: Operator,
  { server, network }: { readonly server: ShareServer | undefined; readonly network: ShareNetwork | undefined },
): { readonly server?: DriverServer } {
  return server === undefined ? {} : { server: serverForDriver(operator, server, network) };
}
