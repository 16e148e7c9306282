import type { SecurityService } from '../../api/v1alpha1/security-service.ts';
import type { ShareNetwork, ShareNetworkStatus } from '../../api/v1alpha1/share-network.ts';
import type { ShareServer } from '../../api/v1alpha1/share-server.ts';
import type { GuardInput, GuardServer, GuardService } from '../../network-change/guard.ts';
import { sameContent } from '../../network-change/plan.ts';
import { neverSetUp } from '../../network-change/server-state.ts';
import type { ServiceComparison } from '../../network-change/up-to-date.ts';
import type { ReconcileContext } from '../../runtime/controller.ts';
import { findPassword } from '../credentials.ts';
import { uidOf } from '../driver-requests.ts';
import { type Operator, related } from '../operator.ts';
import { isPaused } from '../requests.ts';
import { StatusDraft } from '../status-draft.ts';

export type NetworkDraft = StatusDraft<ShareNetworkStatus, ShareNetwork>;

/** What one pass over a ShareNetwork works with. */
export interface NetworkScope {
  readonly operator: Operator;
  readonly context: ReconcileContext;
  readonly network: ShareNetwork;
  readonly namespace: string;
  readonly draft: NetworkDraft;
  /** Share servers of the network, from the cache. */
  readonly servers: readonly ShareServer[];
  /** Events that tell what the draft says; sent when it is stored. */
  readonly announcements: NetworkEvent[];
}

/** An event about the network. */
export interface NetworkEvent {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly action: string;
  readonly note: string;
}

/** Stores the draft, then tells what it says. */
export async function store({ operator, draft, announcements }: NetworkScope): Promise<ShareNetwork> {
  const written = await draft.write(operator.client, operator.informers.shareNetworks);
  for (const event of announcements.splice(0)) operator.recorder.event(written, event);
  return written;
}

/** Begins a pass. */
export function networkScope(operator: Operator, context: ReconcileContext, network: ShareNetwork): NetworkScope {
  const namespace = network.metadata.namespace ?? '';
  return {
    operator,
    context,
    network,
    namespace,
    draft: new StatusDraft<ShareNetworkStatus, ShareNetwork>(network, new Date(operator.clock.now())),
    servers: related(operator, namespace).serversOf(network.metadata.name),
    announcements: [],
  };
}

/** The services that the network refers to or records, with the state of their passwords, by name. */
export function guardServices(operator: Operator, network: ShareNetwork): ReadonlyMap<string, GuardService> {
  const { service } = related(operator, network.metadata.namespace ?? '');
  const names = [...(network.spec.securityServices ?? []), ...(network.status?.securityServices ?? [])].map(
    ({ name }) => name,
  );
  return new Map(
    [...new Set(names)].map((name): [string, GuardService] => {
      const found = service(name);
      return [
        name,
        { service: found, credentials: found === undefined ? 'none' : findPassword(operator, found).state },
      ];
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
  operator: Operator,
  network: ShareNetwork,
  servers: readonly ShareServer[],
  options: { readonly reapply: boolean; readonly quiet: boolean },
): GuardInput {
  const { backend, sharesOfNetwork } = related(operator, network.metadata.namespace ?? '');
  const guarded = servers.map(
    (server): GuardServer => ({
      server,
      backend: backend(server.spec.backendName),
      paused: isPaused(server),
      // A server not yet set up is held by nothing but its set-up.
      busy:
        server.status?.operation?.token !== undefined ||
        ((options.quiet || neverSetUp(server)) && operator.calls.serverIsBusy(uidOf(server))),
    }),
  );
  return {
    network,
    reapply: options.reapply,
    services: guardServices(operator, network),
    servers: guarded,
    // Calls that run in this process end before the commit, which waits for them: only what was handed over counts here.
    busyShares: sharesOfNetwork(network.metadata.name)
      .filter((share) => isPaused(share) || share.status?.operation?.token !== undefined)
      .map(({ metadata }) => metadata.name),
    busyRules: [],
    operatorNamespace: operator.namespace,
  };
}

/** Compares what servers were given with the services of a namespace as they are now. */
export function comparisonWith(operator: Operator, namespace: string): ServiceComparison {
  const { service } = related(operator, namespace);
  return {
    saysTheSame: (applied, recorded) => {
      const present = service(recorded.name);
      return (
        present !== undefined &&
        applied.name === recorded.name &&
        uidOf(present) === recorded.uid &&
        sameContent(applied, present.spec)
      );
    },
    credentialsDiffer: (applied) => {
      const present = service(applied.name);
      if (present === undefined || !(uidOf(present) === applied.uid || sameContent(applied, present.spec)))
        return false;
      const password = findPassword(operator, present);
      // A password that is gone is told by the service itself.
      return password.state === 'usable' && operator.installation.differs(applied.credentialsVersion, password.version);
    },
  };
}
