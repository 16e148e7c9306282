import { findCondition } from '../../api/v1alpha1/conditions.ts';
import type { Finding } from '../../api/v1alpha1/finding.ts';
import type { ShareServer } from '../../api/v1alpha1/share-server.ts';
import { namespaceIsTerminating, namespaceView } from '../../cluster-state/namespace-view.ts';
import { associationPending } from '../../network-change/association.ts';
import { neverSetUp } from '../../network-change/server-state.ts';
import { timestamp } from '../../runtime/clock.ts';
import { uidOf } from '../../runtime/kube-object.ts';
import { lastingRefusal, type Placement, placeShare } from '../../scheduling/placement.ts';
import { parseQuantity } from '../../values/quantity.ts';
import { namespaceNotKnown, namespaceTerminating } from '../status/findings.ts';
import { createServer, isServerFor, nameOfNewServer } from './new-server.ts';
import type { ShareScope } from './scope.ts';

/**
 * Decides where the share is created, and stores that in the draft. Creates a share server if the share needs a new one.
 * @returns why the share can't be placed now; undefined when it is placed
 */
export async function place(scope: ShareScope): Promise<Finding | undefined> {
  const finding = whyNotPlaceable(scope);
  if (finding !== undefined) return finding;
  const servers = serversOfNetwork(scope);
  const failed = servers.filter(
    (server) => isServerFor(scope, server) && server.status?.phase === 'error' && neverSetUp(server),
  );
  // The same directory would refuse the credentials on another backend as well.
  const refusal = failed.length === 0 ? undefined : refusedCredentials(scope);
  if (refusal !== undefined) return serverError(`its share server could not be set up: ${refusal.message}`);
  const placement = choose(scope, servers, failed);
  if (placement.kind !== 'wait') {
    await record(scope, servers, placement);
    return undefined;
  }
  if (failed.length === 0) return { reason: placement.reason, message: placement.message };
  const causes = failed.map(({ metadata, status }) => `${metadata.name}: ${status?.lastError?.message ?? 'failed'}`);
  const joined = causes.sort().join('; ');
  return serverError(`its share server could not be set up, and no other backend qualifies: ${joined}`);
}

function serverError(message: string): Finding {
  return { reason: 'ShareServerError', message };
}

function whyNotPlaceable(scope: ShareScope): Finding | undefined {
  const { operator, namespace, network } = scope;
  if (namespaceIsTerminating(operator, namespace)) return namespaceTerminating;
  if (operator.informers.namespaces.cache.get({ name: namespace }) === undefined) return namespaceNotKnown(namespace);
  // What admission would have refused is shown first, whatever else the share waits for.
  const lasting = lastingRefusal({ ...asking(scope), backends: operator.informers.storageBackends.cache.list() });
  if (lasting !== undefined || network === undefined) return lasting;
  const { name, deletionTimestamp } = network.metadata;
  if (deletionTimestamp !== undefined) {
    return { reason: 'ShareNetworkNotFound', message: `share network ${name} is being deleted` };
  }
  if (!associationPending(network, serversOfNetwork(scope))) return undefined;
  const cause = findCondition(network.status?.conditions, 'Ready')?.message ?? '';
  return {
    reason: 'SecurityServicesPending',
    message: `waits until share network ${name} has recorded its security services: ${cause}`,
  };
}

/** The share with everything that decides which backends it may use. */
function asking({ operator, namespace, share, network }: ShareScope) {
  const namespaceLabels = operator.informers.namespaces.cache.get({ name: namespace })?.metadata.labels ?? {};
  return { share, network, namespace, namespaceLabels };
}

function serversOfNetwork({ operator, namespace, share }: ShareScope): readonly ShareServer[] {
  const { shareNetworkName } = share.spec;
  return shareNetworkName === undefined ? [] : namespaceView(operator, namespace).serversOf(shareNetworkName);
}

function refusedCredentials({ operator, namespace, network }: ShareScope) {
  const names = (network?.status?.securityServices ?? []).map(({ name }) => name);
  return operator.refusals.findAny(operator, namespace, names);
}

function choose(scope: ShareScope, servers: readonly ShareServer[], failed: readonly ShareServer[]): Placement {
  const { operator, namespace, share, network, memory } = scope;
  const { sharesOn } = namespaceView(operator, namespace);
  const failedOn = new Set(failed.map(({ spec }) => spec.backendName));
  return placeShare({
    ...asking(scope),
    backends: operator.informers.storageBackends.cache
      .list()
      .filter(({ metadata }) => !failedOn.has(metadata.name))
      .map((backend) => ({
        backend,
        reservedBytes: memory.reservations.bytesOn(backend.metadata.name, uidOf(share), operator.clock.now()),
      })),
    servers,
    // A share that the cache shows on its server has no reservation any more.
    shareCount: (server) => sharesOn(server).length + memory.reservations.sharesOn(`${namespace}/${server}`, []),
    securityServiceTypes: (network?.status?.securityServices ?? []).map(({ type }) => type),
  });
}

/** Stores a placement in the draft, and reserves space and a place on the server until the caches show them. */
async function record(
  scope: ShareScope,
  servers: readonly ShareServer[],
  placement: Exclude<Placement, { readonly kind: 'wait' }>,
): Promise<void> {
  const { operator, namespace, share, draft, memory } = scope;
  const { backendName } = placement;
  memory.reservations.add(backendName, uidOf(share), parseQuantity(share.spec.size) ?? 0);
  let shareServerName: string | undefined;
  if (placement.kind === 'server') shareServerName = placement.serverName;
  if (placement.kind === 'new-server') shareServerName = nameOfNewServer(scope, servers, backendName);
  if (shareServerName !== undefined) memory.reservations.assign(`${namespace}/${shareServerName}`, uidOf(share));
  if (placement.kind === 'new-server' && shareServerName !== undefined) {
    await createServer(scope, shareServerName, backendName, placement.subnetName);
  }
  draft.set({
    backendName,
    shareServerName,
    operation: { id: `create/${uidOf(share)}`, name: 'createShare', startedTime: timestamp(operator.clock) },
  });
}
