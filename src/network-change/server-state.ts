import { findCondition } from '../api/v1alpha1/conditions.ts';
import type { ShareServer, ShareServerStatus } from '../api/v1alpha1/share-server.ts';

/** Whether the server's last update of security services failed. */
export function updateFailed(server: ShareServer): boolean {
  return missedUpdate(server) === 'Failed';
}

/** Whether a change was stopped before the server's turn. */
export function notAttempted(server: ShareServer): boolean {
  return missedUpdate(server) === 'NotAttempted';
}

/** Version 0.1 had no field for it. Both are always written together, so that the condition never says more than the field. */
function missedUpdate({ status }: ShareServer): ShareServerStatus['missedUpdate'] {
  if (status?.missedUpdate !== undefined) return status.missedUpdate;
  const condition = findCondition(status?.conditions, 'SecurityServicesUpToDate');
  if (condition?.status !== 'False') return undefined;
  if (condition.reason === 'UpdateFailed') return 'Failed';
  return condition.reason === 'NotAttempted' ? 'NotAttempted' : undefined;
}

/**
 * Whether the server was never set up. A failed set-up may have left an identifier for the tear-down (DriverError.partial): it is
 * told by its stored error.
 */
export function neverSetUp(server: ShareServer): boolean {
  const { identifier, phase = 'creating', lastError } = server.status ?? {};
  return identifier === undefined || (phase !== 'active' && lastError?.operation === 'setupServer');
}
