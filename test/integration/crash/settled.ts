import { expect } from 'vitest';
import { shareNetworks, shareServers } from '../../../src/api/v1alpha1/resource-types.ts';
import type { TestCluster } from '../test-cluster.ts';
import { restsWith } from './agreement.ts';
import { readDummyState } from './dummy-state.ts';

/** Asserts that a change has reached everything: association, servers, the storage system, and no trace of it is left over. */
export async function expectChanged(
  cluster: TestCluster,
  namespace: string,
  { network, service, servers }: { readonly network: string; readonly service: string; readonly servers: number },
): Promise<void> {
  const stored = await cluster.client.get(shareNetworks, { namespace, name: network });
  expect(restsWith(stored, service), JSON.stringify(stored.status)).toBe(true);
  const { items } = await cluster.client.list(shareServers, { namespace });
  expect(
    items.map(({ status }) => [
      status?.phase,
      status?.networkChange,
      status?.operation,
      status?.securityServices?.map(({ name }) => name),
    ]),
  ).toEqual(Array.from({ length: servers }, () => ['active', undefined, undefined, [service]]));
  const state = await readDummyState(cluster.stateDirectory, 'dummy');
  const own = state.servers.filter((server) => server.namespace === namespace);
  expect(own.map(({ securityServices }) => securityServices.active_directory?.name)).toEqual(
    Array.from({ length: servers }, () => service),
  );
}
