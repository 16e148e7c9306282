import { createHash } from 'node:crypto';
import { findCondition } from '../../api/v1alpha1/conditions.ts';
import type { Finding } from '../../api/v1alpha1/finding.ts';
import { apiVersion } from '../../api/v1alpha1/resource-types.ts';
import type { ShareServer } from '../../api/v1alpha1/share-server.ts';
import { namespaceIsTerminating, namespaceView } from '../../cluster-state/namespace-view.ts';
import { associationPending } from '../../network-change/association.ts';
import { neverSetUp } from '../../network-change/server-state.ts';
import { isAlreadyExists } from '../../runtime/api-error.ts';
import { timestamp } from '../../runtime/clock.ts';
import { uidOf } from '../../runtime/kube-object.ts';
import { lastingRefusal, type Placement, placeShare } from '../../scheduling/placement.ts';
import { parseQuantity } from '../../values/quantity.ts';
import { networkOwner } from '../lifecycle/restored.ts';
import { namespaceNotKnown, namespaceTerminating } from '../status/findings.ts';
import type { Reservations } from './reservations.ts';
import type { ShareScope } from './scope.ts';

/** A share that could be placed, or why it waits. */
export type Placed = { readonly ok: true } | ({ readonly ok: false } & Finding);

/** Decides where the share goes, makes a share server where one is needed, and notes it all in the draft. */
export async function place(scope: ShareScope, reservations: Reservations): Promise<Placed> {
  const { operator, share, draft, namespace, network } = scope;
  if (namespaceIsTerminating(operator, namespace)) return { ok: false, ...namespaceTerminating };
  const { serversOf, sharesOn } = namespaceView(operator, namespace);
  const { shareNetworkName } = share.spec;
  const servers = shareNetworkName === undefined ? [] : serversOf(shareNetworkName);
  const namespaceObject = operator.informers.namespaces.cache.get({ name: namespace });
  if (namespaceObject === undefined) return { ok: false, ...namespaceNotKnown(namespace) };
  const backends = operator.informers.storageBackends.cache.list();
  const asked = { share, network, namespace, namespaceLabels: namespaceObject.metadata.labels ?? {} };
  // What admission would have refused: whatever else is waited for, this is to be told.
  const lasting = lastingRefusal({ ...asked, backends });
  if (lasting !== undefined) return { ok: false, ...lasting };
  if (network !== undefined && network.metadata.deletionTimestamp !== undefined) {
    return { ok: false, reason: 'ShareNetworkNotFound', message: `share network ${shareNetworkName} is being deleted` };
  }
  if (network !== undefined && associationPending(network, servers)) {
    const ready = findCondition(network.status?.conditions, 'Ready');
    return {
      ok: false,
      reason: 'SecurityServicesPending',
      message: `waits until share network ${shareNetworkName} has recorded its security services: ${ready?.message ?? ''}`,
    };
  }
  const own = serverNameFor(shareNetworkName ?? '', uidOf(share));
  const failed = servers.filter(
    (server) => isOwn(server, own) && server.status?.phase === 'error' && neverSetUp(server),
  );
  const services = network?.status?.securityServices ?? [];
  const refusal = operator.refusals.findAny(
    operator,
    namespace,
    services.map(({ name }) => name),
  );
  if (failed.length > 0 && refusal !== undefined) {
    // Another backend would be refused by the same directory.
    return {
      ok: false,
      reason: 'ShareServerError',
      message: `its share server could not be set up: ${refusal.message}`,
    };
  }
  const failedOn = new Set(failed.map(({ spec }) => spec.backendName));
  const placement: Placement = placeShare({
    ...asked,
    backends: backends
      .filter(({ metadata }) => !failedOn.has(metadata.name))
      .map((backend) => ({
        backend,
        reservedBytes: reservations.bytesOn(backend.metadata.name, uidOf(share), operator.clock.now()),
      })),
    servers,
    // What the cache shows is noted no more.
    shareCount: (server) => sharesOn(server).length + reservations.sharesOn(`${namespace}/${server}`, []),
    securityServiceTypes: services.map(({ type }) => type),
  });
  if (placement.kind === 'wait') {
    if (failed.length === 0) return { ok: false, reason: placement.reason, message: placement.message };
    const causes = failed.map(({ metadata, status }) => `${metadata.name}: ${status?.lastError?.message ?? 'failed'}`);
    return {
      ok: false,
      reason: 'ShareServerError',
      message: `its share server could not be set up, and no other backend takes it: ${causes.sort().join('; ')}`,
    };
  }
  reservations.add(placement.backendName, uidOf(share), parseQuantity(share.spec.size) ?? 0);
  let serverName = placement.kind === 'server' ? placement.serverName : undefined;
  if (placement.kind === 'new-server') {
    // Named after the share: a pass that is repeated does not make a second one.
    const taken = servers.some(
      ({ metadata, spec }) => metadata.name === own && spec.backendName !== placement.backendName,
    );
    serverName = taken ? serverNameFor(own, placement.backendName) : own;
    reservations.assign(`${namespace}/${serverName}`, uidOf(share));
    await createServer(scope, serverName, placement.backendName, placement.subnetName);
  }
  if (serverName !== undefined) reservations.assign(`${namespace}/${serverName}`, uidOf(share));
  draft.set({
    backendName: placement.backendName,
    shareServerName: serverName,
    operation: { id: `create/${uidOf(share)}`, name: 'createShare', startedTime: timestamp(operator.clock) },
  });
  return { ok: true };
}

/** Whether the server was made for the share that `own` is derived from. */
function isOwn({ metadata: { name }, spec }: ShareServer, own: string): boolean {
  return name === own || name === serverNameFor(own, spec.backendName);
}

/** A name for a share server: the network's, cut, and a hash that makes it unique. */
function serverNameFor(networkName: string, seed: string): string {
  const hash = createHash('sha256').update(`${networkName}/${seed}`).digest('hex').slice(0, 8);
  return `${networkName.slice(0, 54).replace(/[^a-z0-9]+$/, '')}-${hash}`;
}

async function createServer(scope: ShareScope, name: string, backendName: string, subnetName: string): Promise<void> {
  const { operator, namespace, network } = scope;
  const { informers, client } = operator;
  if (network === undefined) return;
  const capabilities = namespaceView(operator, namespace).backend(backendName)?.status?.capabilities;
  const server: ShareServer = {
    apiVersion,
    kind: 'ShareServer',
    metadata: {
      name,
      namespace,
      ownerReferences: [networkOwner(network)],
    },
    spec: {
      backendName,
      shareNetworkName: network.metadata.name,
      subnetName,
      securityServiceUpdateSupport: capabilities?.securityServiceUpdateSupport === true,
    },
  };
  try {
    informers.shareServers.cache.observe(await client.create(informers.shareServers.type, server));
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
  }
}
