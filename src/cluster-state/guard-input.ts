import { findCondition } from '../api/v1alpha1/conditions.ts';
import type { ShareAccess } from '../api/v1alpha1/share-access.ts';
import type { ShareNetwork } from '../api/v1alpha1/share-network.ts';
import type { ShareServer } from '../api/v1alpha1/share-server.ts';
import type { GuardInput, GuardServer, GuardService } from '../network-change/judge-change.ts';
import { neverSetUp } from '../network-change/server-state.ts';
import { uidOf } from '../runtime/kube-object.ts';
import type { ClusterState } from './cluster-state.ts';
import { findPassword, type PasswordState } from './credentials.ts';
import { namespaceView } from './namespace-view.ts';
import { isPaused } from './requests.ts';

/** What is known of driver calls that run in this process. */
export interface RunningCalls {
  /** Whether a call that holds the server (also a late one) is running. */
  serverIsBusy(serverUID: string): boolean;
}

/** The services that the network refers to or records, with the state of their passwords, by name. */
function guardServices(state: PasswordState, network: ShareNetwork): ReadonlyMap<string, GuardService> {
  const { service } = namespaceView(state, network.metadata.namespace ?? '');
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

/**
 * Gathers what the guard decides on.
 * @param options.quiet whether no driver call of the network runs now, so that a server that is still held has a late call
 * @param options.shareIsBusy tells which shares have a call running in this process; absent where such calls do not count
 *   because the caller waits for their end
 */
export function guardInput(
  state: ClusterState & { readonly calls: RunningCalls },
  network: ShareNetwork,
  servers: readonly ShareServer[],
  options: { readonly reapply: boolean; readonly quiet: boolean; readonly shareIsBusy?: ShareIsBusy },
): GuardInput {
  const { backend } = namespaceView(state, network.metadata.namespace ?? '');
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
    ...unsettled(state, network, options.shareIsBusy),
    operatorNamespace: state.namespace,
  };
}

type ShareIsBusy = (shareUID: string) => boolean;

/** Names what of the network has a driver call handed over to the storage system, or running where that counts. */
function unsettled(
  state: ClusterState,
  { metadata }: ShareNetwork,
  shareIsBusy: ShareIsBusy | undefined,
): Pick<GuardInput, 'busyShares' | 'busyRules'> {
  const { sharesOfNetwork, rulesOf } = namespaceView(state, metadata.namespace ?? '');
  const busyShares: string[] = [];
  const busyRules: string[] = [];
  for (const share of sharesOfNetwork(metadata.name)) {
    const { operation } = share.status ?? {};
    const forRules = operation === undefined || operation.name === 'updateAccess';
    const handedOver = operation?.token !== undefined;
    const running = shareIsBusy?.(uidOf(share)) === true;
    if (isPaused(share) || (!forRules && (handedOver || running))) {
      busyShares.push(share.metadata.name);
      continue;
    }
    const rules = rulesOf(share.metadata.name);
    if (handedOver || running) {
      const concerned = rules.filter((rule) => !isSettled(rule));
      // A look at the share, or a recovery: of no rule in particular.
      if (concerned.length === 0) busyShares.push(share.metadata.name);
      else busyRules.push(...concerned.map((rule) => rule.metadata.name));
    } else if (shareIsBusy !== undefined) {
      // In a call of the replica that leads.
      busyRules.push(...rules.filter(isBeingAsked).map((rule) => rule.metadata.name));
    }
  }
  return { busyShares, busyRules };
}

/** Whether the rule is as it was asked for: granted, or in error. */
function isSettled({ metadata, spec, status }: ShareAccess): boolean {
  if (metadata.deletionTimestamp !== undefined) return false;
  return status?.phase === 'error' || (status?.phase === 'active' && status.accessLevel === (spec.accessLevel ?? 'rw'));
}

/** Whether the stored phase says that a call runs; one that failed and is tried again has the reason of its failure. */
function isBeingAsked({ status }: ShareAccess): boolean {
  const asking = ['applying', 'updating', 'denying'].includes(status?.phase ?? 'queued_to_apply');
  return asking && findCondition(status?.conditions, 'Ready')?.reason === 'Applying';
}
