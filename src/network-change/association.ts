import type { ShareNetwork } from '../api/v1alpha1/share-network.ts';
import type { ShareServer } from '../api/v1alpha1/share-server.ts';
import { neverSetUp } from './server-state.ts';

/**
 * Whether share servers of the network can't be set up yet because its references are not recorded. Once a server is set up,
 * later ones take the recorded association, whatever a refused or waiting edit asks for.
 */
export function associationPending(network: ShareNetwork, servers: readonly ShareServer[]): boolean {
  if (servers.some((server) => !neverSetUp(server))) return false;
  const wanted = network.spec.securityServices ?? [];
  const recorded = network.status?.securityServices ?? [];
  return (
    wanted.length !== recorded.length ||
    wanted.some(({ type, name }) => !recorded.some((entry) => entry.type === type && entry.name === name))
  );
}
