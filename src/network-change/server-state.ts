import type { ShareServer } from '../api/v1alpha1/share-server.ts';

/** Whether the server's last update of security services failed: the stored mark of it. */
export function updateFailed(server: ShareServer): boolean {
  const condition = server.status?.conditions?.find(({ type }) => type === 'SecurityServicesUpToDate');
  return condition?.status === 'False' && condition.reason === 'UpdateFailed';
}

/**
 * Whether the server was never set up. A failed set-up may have left an identifier for the tear-down (DriverError.partial): it is
 * told by its stored error.
 */
export function neverSetUp(server: ShareServer): boolean {
  const { identifier, phase = 'creating', lastError } = server.status ?? {};
  return identifier === undefined || (phase !== 'active' && lastError?.operation === 'setupServer');
}
