import { securityServices, shareNetworks, storageBackends } from '../api/v1alpha1/resource-types.ts';
import { usersOfBackend } from '../cluster-state/backend-users.ts';
import type { ClusterState } from '../cluster-state/cluster-state.ts';
import { namespaceView } from '../cluster-state/namespace-view.ts';
import { usersOfService } from '../cluster-state/service-users.ts';
import { nameList } from '../values/name-list.ts';
import { safeText } from '../values/safe-text.ts';
import type { AdmissionRequest } from './admission-review.ts';

type State = Pick<ClusterState, 'informers'>;

/**
 * What a person should know who deletes an object that is in use: it stays, with its condition DeletionBlocked, and kubectl
 * waits with it. Undefined where nothing is in the way. Nothing is refused: in a folder or a namespace that is deleted as a whole
 * what is in the way goes, too.
 */
export function deletionWarning(request: AdmissionRequest, state: State): string | undefined {
  if (request.operation !== 'DELETE') return undefined;
  const { namespace = '', oldObject } = request;
  const name = oldObject?.metadata.name ?? request.name ?? '';
  switch (request.resource.resource) {
    case securityServices.plural:
      return ofService(namespace, name, state);
    case shareNetworks.plural: {
      const shares = namespaceView(state, namespace).sharesOfNetwork(name);
      if (shares.length === 0) return undefined;
      return safeText(`ShareNetwork ${name} stays until the shares on it are deleted: ${namesOf(shares)}`);
    }
    case storageBackends.plural: {
      const users = usersOfBackend(state, name);
      if (users.length === 0) return undefined;
      return safeText(`StorageBackend ${name} stays until what is on it is deleted: ${nameList(users)}`);
    }
    default:
      return undefined;
  }
}

function ofService(namespace: string, name: string, state: State): string | undefined {
  const { service, networksWith } = namespaceView(state, namespace);
  const present = service(name);
  if (present === undefined) return undefined;
  const users = usersOfService(state, present);
  if (users.length > 0) {
    return safeText(
      `SecurityService ${name} stays until it is not used any more by ${nameList(users)}; keep the Secret of its password until then`,
    );
  }
  // None of them records it: it would be a user.
  const referring = networksWith(name);
  if (referring.length === 0) return undefined;
  return safeText(`ShareNetworks refer to SecurityService ${name} and will miss it: ${namesOf(referring)}`);
}

function namesOf(objects: readonly { readonly metadata: { readonly name: string } }[]): string {
  return nameList(objects.map(({ metadata }) => metadata.name));
}
