import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { shareAccesses, shareNetworks, shareServers } from '../../src/api/v1alpha1/resource-types.ts';
import { secrets } from '../../src/runtime/core-types.ts';
import { access, activeDirectory, backend, network, passwordSecret, share } from './manifests.ts';
import { TestCluster } from './test-cluster.ts';

describe('the main job on a real API server', () => {
  let cluster: TestCluster;
  let namespace: string;

  beforeAll(async () => {
    cluster = await TestCluster.start();
    await cluster.startOperator();
    namespace = await cluster.namespace();
    await cluster.apply(
      backend('dummy', { stateDirectory: cluster.stateDirectory }),
      passwordSecret(namespace, 'ad-a-password', 'secret-a'),
      passwordSecret(namespace, 'ad-b-password', 'secret-b'),
      activeDirectory(namespace, 'ad-a'),
      activeDirectory(namespace, 'ad-b'),
      network(namespace, 'net', [{ type: 'active_directory', name: 'ad-a' }]),
      share(namespace, 'one', { shareNetworkName: 'net' }),
      share(namespace, 'two', { shareNetworkName: 'net' }),
      access(namespace, 'alice', 'one'),
    );
  }, 120_000);

  afterAll(async () => {
    await cluster.stop();
  });

  test('a cephx rule becomes active and its key is in the Secret that its status names', async () => {
    const rule = await cluster.until(
      shareAccesses,
      { namespace, name: 'alice' },
      'active',
      ({ status }) => status?.phase === 'active',
    );
    const name = rule.status?.accessKeySecretRef?.name ?? '';
    const secret = await cluster.client.get(secrets, { namespace, name });
    expect(Object.keys(secret.data ?? {}).sort()).toEqual(['accessKey', 'userID', 'userKey']);
  });

  test('a changed reference reconfigures every share server and the network is active again', async () => {
    await cluster.until(
      shareNetworks,
      { namespace, name: 'net' },
      'two servers',
      ({ status }) => status?.shareServers?.active === 2,
    );
    await cluster.apply(network(namespace, 'net', [{ type: 'active_directory', name: 'ad-b' }]));
    const changed = await cluster.until(
      shareNetworks,
      { namespace, name: 'net' },
      'changed',
      ({ status }) => status?.phase === 'active' && status.lastNetworkChange?.result === 'Succeeded',
    );
    expect(changed.status?.securityServices?.map(({ name }) => name)).toEqual(['ad-b']);
    const { items } = await cluster.client.list(shareServers, { namespace });
    expect(items.map(({ status }) => status?.securityServices?.[0]?.name)).toEqual(['ad-b', 'ad-b']);
  });
});
