import { createHash } from 'node:crypto';
import { apiVersion } from '../../api/v1alpha1/resource-types.ts';
import type { ShareServer } from '../../api/v1alpha1/share-server.ts';
import { namespaceView } from '../../cluster-state/namespace-view.ts';
import { isAlreadyExists } from '../../runtime/api-error.ts';
import { uidOf } from '../../runtime/kube-object.ts';
import { networkOwner } from '../lifecycle/restored.ts';
import type { ShareScope } from './scope.ts';

/** Whether a server was created for the share. */
export function isServerFor(scope: ShareScope, { metadata: { name }, spec }: ShareServer): boolean {
  const own = firstServerName(scope);
  return name === own || name === serverNameFor(own, spec.backendName);
}

/** The name is derived from the share, so that a pass that is repeated creates no second server. */
export function nameOfNewServer(scope: ShareScope, servers: readonly ShareServer[], backendName: string): string {
  const own = firstServerName(scope);
  const isTaken = servers.some(({ metadata, spec }) => metadata.name === own && spec.backendName !== backendName);
  return isTaken ? serverNameFor(own, backendName) : own;
}

function firstServerName({ share }: ShareScope): string {
  return serverNameFor(share.spec.shareNetworkName ?? '', uidOf(share));
}

/** A name for a share server: the network's, truncated, and a hash that makes it unique. */
function serverNameFor(networkName: string, seed: string): string {
  const hash = createHash('sha256').update(`${networkName}/${seed}`).digest('hex').slice(0, 8);
  return `${networkName.slice(0, 54).replace(/[^a-z0-9]+$/, '')}-${hash}`;
}

export async function createServer(
  { operator, namespace, network }: ShareScope,
  name: string,
  backendName: string,
  subnetName: string,
): Promise<void> {
  const { informers, client } = operator;
  if (network === undefined) return;
  const capabilities = namespaceView(operator, namespace).backend(backendName)?.status?.capabilities;
  const server: ShareServer = {
    apiVersion,
    kind: 'ShareServer',
    metadata: { name, namespace, ownerReferences: [networkOwner(network)] },
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
