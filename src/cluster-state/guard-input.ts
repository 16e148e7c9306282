import type { SecurityService } from '../api/v1alpha1/security-service.ts';
import type { ShareNetwork } from '../api/v1alpha1/share-network.ts';
import type { ShareServer } from '../api/v1alpha1/share-server.ts';
import type { GuardInput, GuardServer, GuardService } from '../network-change/guard.ts';
import { neverSetUp } from '../network-change/server-state.ts';
import { uidOf } from '../runtime/kube-object.ts';
import type { ClusterState } from './cluster-state.ts';
import { findPassword } from './credentials.ts';
import { related } from './related.ts';
import { isPaused } from './requests.ts';

/** What is known of driver calls that run in this process. */
export interface RunningCalls {
  /** Whether a call that holds the server (also a late one) is running. */
  serverIsBusy(serverUID: string): boolean;
}

/** The services that the network refers to or records, with the state of their passwords, by name. */
export function guardServices(
  state: Pick<ClusterState, 'informers' | 'installation'>,
  network: ShareNetwork,
): ReadonlyMap<string, GuardService> {
  const { service } = related(state, network.metadata.namespace ?? '');
  const names = [...(network.spec.securityServices ?? []), ...(network.status?.securityServices ?? [])].map(
    ({ name }) => name,
  );
  return new Map(
    [...new Set(names)].map((name): [string, GuardService] => {
      const found = service(name);
      return [name, { service: found, credentials: found === undefined ? 'none' : findPassword(state, found).state }];
    }),
  );
}

/** Existing services of a guard's map. */
export function existingServices(services: ReadonlyMap<string, GuardService>): ReadonlyMap<string, SecurityService> {
  const existing = new Map<string, SecurityService>();
  for (const [name, { service }] of services) if (service !== undefined) existing.set(name, service);
  return existing;
}

/**
 * Gathers what the guard decides on.
 * @param quiet whether no driver call of the network runs now, so that a server that is still held has a late call
 */
export function guardInput(
  state: ClusterState & { readonly calls: RunningCalls },
  network: ShareNetwork,
  servers: readonly ShareServer[],
  options: { readonly reapply: boolean; readonly quiet: boolean },
): GuardInput {
  const { backend, sharesOfNetwork } = related(state, network.metadata.namespace ?? '');
  const guarded = servers.map(
    (server): GuardServer => ({
      server,
      backend: backend(server.spec.backendName),
      paused: isPaused(server),
      // A server not yet set up is held by nothing but its set-up.
      busy:
        server.status?.operation?.token !== undefined ||
        ((options.quiet || neverSetUp(server)) && state.calls.serverIsBusy(uidOf(server))),
    }),
  );
  return {
    network,
    reapply: options.reapply,
    services: guardServices(state, network),
    servers: guarded,
    // Calls that run in this process end before the commit, which waits for them: only what was handed over counts here.
    busyShares: sharesOfNetwork(network.metadata.name)
      .filter((share) => isPaused(share) || share.status?.operation?.token !== undefined)
      .map(({ metadata }) => metadata.name),
    busyRules: [],
    operatorNamespace: state.namespace,
  };
}
