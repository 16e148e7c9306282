import { findCondition } from '../api/v1alpha1/conditions.ts';
import type { ShareServer } from '../api/v1alpha1/share-server.ts';

/** Whether the server's last update of security services failed: the stored mark of it. */
export function updateFailed(server: ShareServer): boolean {
  return isBehindFor(server, 'UpdateFailed');
}

/** Whether a change was stopped before the server's turn: the stored mark of it. */
export function notAttempted(server: ShareServer): boolean {
  return isBehindFor(server, 'NotAttempted');
}

function isBehindFor({ status }: ShareServer, reason: string): boolean {
  const condition = findCondition(status?.conditions, 'SecurityServicesUpToDate');
  return condition?.status === 'False' && condition.reason === reason;
}

/**
 * Whether the server was never set up. A failed set-up may have left an identifier for the tear-down (DriverError.partial): it is
 * told by its stored error.
 */
export function neverSetUp(server: ShareServer): boolean {
  const { identifier, phase = 'creating', lastError } = server.status ?? {};
  return identifier === undefined || (phase !== 'active' && lastError?.operation === 'setupServer');
}
