import type { SecurityService } from '../../api/v1alpha1/security-service.ts';
import type { AppliedSecurityService } from '../../api/v1alpha1/share-server.ts';
import type { ClusterState } from '../../cluster-state/cluster-state.ts';
import { findPassword, type PasswordState } from '../../cluster-state/credentials.ts';
import { appliedService } from '../driver-calls/driver-requests.ts';

/**
 * Identifies credentials by what a directory sees of them: account, password and servers. Equal services of one namespace have the
 * same identifier; services of two namespaces never do, so that no tenant learns about another's password.
 * @returns undefined where there is no password
 */
export function credentialsOf(
  { installation }: Pick<ClusterState, 'installation'>,
  namespace: string,
  applied: AppliedSecurityService,
): string | undefined {
  const { credentialsVersion, type, user = '', domain = '', servers = [], dnsIPs = [] } = applied;
  if (credentialsVersion === undefined) return undefined;
  const account = [user.toLowerCase(), domain.toLowerCase().replace(/\.$/, '')];
  return installation.digest(namespace, type, credentialsVersion, ...account, servers.join('\n'), dnsIPs.join('\n'));
}

/** Identifies the present credentials of a service. */
export function presentCredentials(state: PasswordState, service: SecurityService): string | undefined {
  const password = findPassword(state, service);
  if (password.state !== 'usable') return undefined;
  return credentialsOf(state, service.metadata.namespace ?? '', appliedService(service, password.version));
}
