import {
  shareAccesses,
  shareNetworks,
  shareServers,
  shares,
  storageBackends,
} from '../../../src/api/v1alpha1/resource-types.ts';
import type { ShareNetwork } from '../../../src/api/v1alpha1/share-network.ts';
import type { ShareServer } from '../../../src/api/v1alpha1/share-server.ts';
import { secrets } from '../../../src/runtime/core-types.ts';
import type { ResourceType } from '../../../src/runtime/kube-object.ts';
import { eventually } from '../../faults/eventually.ts';
import { access, activeDirectory, backend, network, passwordSecret, share } from '../manifests.ts';
import type { TestCluster } from '../test-cluster.ts';

/** Makes a backend for {@link liveThrough}. */
export async function makeBackend(cluster: TestCluster, name: string): Promise<void> {
  await cluster.apply(
    backend(name, { stateDirectory: cluster.stateDirectory, latency: '300ms' }, { unusedShareServerTimeout: '1s' }),
  );
}

/**
 * Takes the operator through all that it does in a namespace: a network with two shares and a keyed rule, a change of its security
 * service, conflicts with edits of others, resets, an altered key, and the end of everything.
 */
export async function liveThrough(cluster: TestCluster, namespace: string): Promise<void> {
  const manifest = (service: string) => network(namespace, 'net', [{ type: 'active_directory', name: service }]);
  const named = (name: string) => ({ namespace, name });
  await cluster.apply(
    ...['ad-a', 'ad-b'].flatMap((name) => [
      passwordSecret(namespace, `${name}-password`, `secret-${name}`),
      activeDirectory(namespace, name),
    ]),
    manifest('ad-a'),
    share(namespace, 'one', { shareNetworkName: 'net' }),
    share(namespace, 'two', { shareNetworkName: 'net' }),
  );
  await editDuring(cluster, namespace, ['createShare', 'one'], shares, 'one');
  for (const name of ['one', 'two']) {
    await cluster.until(shares, named(name), 'available', ({ status }) => status?.phase === 'available');
  }
  const rule = `${namespace}-alice`;
  await cluster.apply(access(namespace, rule, 'one'));
  await editDuring(cluster, namespace, ['updateAccess', 'one'], shareAccesses, rule);
  const active = await cluster.until(shareAccesses, named(rule), 'active', ({ status }) => status?.phase === 'active');

  const key = named(active.status?.accessKeySecretRef?.name ?? '');
  const kept = await cluster.client.get(secrets, key);
  await cluster.kubectl(
    '-n',
    namespace,
    'patch',
    'secret',
    key.name,
    '--type=merge',
    '-p',
    '{"data":{"accessKey":"eA=="}}',
  );
  await cluster.until(secrets, key, 'restored', ({ data }) => data?.accessKey === kept.data?.accessKey);

  await cluster.apply(manifest('ad-b'));
  await cluster.until(
    shareNetworks,
    named('net'),
    'changed',
    ({ status }) => status?.phase === 'active' && status.securityServices?.[0]?.name === 'ad-b',
  );
  const { items } = await cluster.client.list(shareServers, { namespace });
  const [server = ''] = items.map(({ metadata }) => metadata.name);
  // Twice the same: the second event is counted in the first.
  for (const phase of ['error', 'active', 'error', 'active'])
    await reset(cluster, namespace, 'shareserver', server, phase);
  for (const phase of ['network_change', 'active']) await reset(cluster, namespace, 'sharenetwork', 'net', phase);

  await cluster.kubectl(
    '-n',
    namespace,
    'delete',
    'shareaccess,share,sharenetwork,securityservice',
    '--all',
    '--timeout=60s',
  );
  await cluster.untilGone(secrets, key);
}

/** Deletes a backend that nothing is on. */
export async function removeBackend(cluster: TestCluster, name: string): Promise<void> {
  await cluster.client.delete(storageBackends, { name });
  await cluster.untilGone(storageBackends, { name });
}

/** Writes an object while a driver call for it runs, so that the operator's own write afterwards is a conflict. */
async function editDuring(
  cluster: TestCluster,
  namespace: string,
  [operation, share]: readonly [operation: string, share: string],
  type: ResourceType,
  name: string,
): Promise<void> {
  const runs = async (): Promise<boolean> => {
    const calls = await cluster.calls();
    return calls.some((call) => call.operation === operation && call.namespace === namespace && call.share === share);
  };
  await eventually(`${operation} runs`, runs);
  // Not by kubectl, for which the call may be too short.
  await cluster.client.mergePatch(
    type,
    { namespace, name },
    { metadata: { annotations: { 'example.com/edited': 'yes' } } },
  );
}

async function reset(
  cluster: TestCluster,
  namespace: string,
  kind: string,
  name: string,
  phase: string,
): Promise<void> {
  const patch = JSON.stringify({ status: { phase } });
  await cluster.kubectl('-n', namespace, 'patch', kind, name, '--subresource=status', '--type=merge', '-p', patch);
  const type: ResourceType<ShareNetwork | ShareServer> = kind === 'sharenetwork' ? shareNetworks : shareServers;
  await cluster.until(type, { namespace, name }, `reset to ${phase}`, ({ status }) => {
    const ready = status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True');
    return status?.phase === phase && ready === (phase === 'active');
  });
}
