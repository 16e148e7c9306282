import type { RecordedSecurityService, SecurityServiceChange } from '../api/v1alpha1/share-network.ts';
import type { AppliedSecurityService, ShareServer, ShareServerChange } from '../api/v1alpha1/share-server.ts';
import { neverSetUp, notAttempted, updateFailed } from './server-state.ts';

/** Compares what a server was given with the services as they are now. */
export interface ServiceComparison {
  /** Whether a service of another UID says the same: it was re-created with equal content. */
  saysTheSame(applied: AppliedSecurityService, recorded: RecordedSecurityService): boolean;
  /** Whether the password that the server was given is another one than the service's present one. */
  credentialsDiffer(applied: AppliedSecurityService): boolean;
}

/** Why a server does not have what its network records; undefined when it has. */
export type Lag = 'UpdateFailed' | 'NotAttempted' | 'ShareServersOutdated' | 'CredentialsChanged';

/**
 * Compares what a server was given with its network's association. A server that was never set up lags behind nothing: it
 * will take the association as it is then.
 */
export function lagOf(
  server: ShareServer,
  association: readonly RecordedSecurityService[],
  comparison: ServiceComparison,
): Lag | undefined {
  if (neverSetUp(server)) return undefined;
  if (server.status?.phase === 'error' && updateFailed(server)) return 'UpdateFailed';
  if (notAttempted(server)) return 'NotAttempted';
  if (outdatedTypes(server, association, comparison).length > 0) return 'ShareServersOutdated';
  return server.status?.securityServices?.some((applied) => comparison.credentialsDiffer(applied)) === true
    ? 'CredentialsChanged'
    : undefined;
}

/** The recorded services that the server was not given. */
function outdatedTypes(
  server: ShareServer,
  association: readonly RecordedSecurityService[],
  comparison: ServiceComparison,
): readonly RecordedSecurityService[] {
  const given = server.status?.securityServices ?? [];
  return association.filter((recorded) => {
    const applied = given.find(({ type }) => type === recorded.type);
    return applied === undefined || (applied.uid !== recorded.uid && !comparison.saysTheSame(applied, recorded));
  });
}

/**
 * The driver calls that bring one server to the association: the network's changes, and what an earlier failed change left
 * undone on this server, in the order of the association.
 */
export function serverChanges(
  server: ShareServer,
  changes: readonly SecurityServiceChange[],
  association: readonly RecordedSecurityService[],
  comparison: ServiceComparison,
): readonly ShareServerChange[] {
  const outdated = outdatedTypes(server, association, comparison);
  return association.flatMap((recorded): ShareServerChange[] => {
    const applied = server.status?.securityServices?.find(({ type }) => type === recorded.type);
    const change = changes.find(({ type }) => type === recorded.type);
    if (change === undefined && !outdated.includes(recorded)) return [];
    if (applied === undefined) return [{ type: recorded.type, operation: 'add', to: recorded }];
    const { type, name, uid, generation } = applied;
    return [
      {
        type,
        operation: uid === recorded.uid ? 'reapply' : 'update',
        from: { type, name, uid, generation },
        to: recorded,
      },
    ];
  });
}
