import { afterAll, beforeAll, expect, test } from 'vitest';
import { securityServices, shareServers, shares } from '../../../../src/api/v1alpha1/resource-types.ts';
import { eventually } from '../../../faults/eventually.ts';
import { network, passwordSecret, share } from '../../../integration/manifests.ts';
import { Stage, TenantStage } from './stage.ts';

const threshold = 5;

let stage: Stage;

beforeAll(async () => {
  stage = await Stage.open();
  await stage.directories.a.lockAccountsAfter(threshold);
}, 300_000);

afterAll(async () => {
  await stage.close();
}, 60_000);

test('a wrong password locks no account, however many servers and networks have it; the right one brings all up', {
  timeout: 400_000,
}, async () => {
  const { a } = stage.directories;
  const { cluster, backendName } = stage;
  const tenant = new TenantStage(stage, await cluster.namespace(), {});
  const { namespace } = tenant;
  await cluster.apply(...tenant.service('ad-a', a, 'not the password'), ...tenant.service('ad-b', stage.directories.b));
  await tenant.refer('ad-a');
  const [subnet] = (await tenant.network('there', () => true)).spec.subnets ?? [];
  const second = subnet === undefined ? [] : [{ ...subnet, allocationRanges: ['10.77.0.200-10.77.0.220'] }];
  await cluster.apply(
    network(namespace, 'net-2', [{ type: 'active_directory', name: 'ad-a' }], { subnets: second }),
    ...['share-0', 'share-1', 'share-2', 'share-3', 'share-4'].map((name) => tenant.shareManifest(name)),
    share(namespace, 'other', { protocol: 'CIFS', size: '64Mi', shareNetworkName: 'net-2', backendName }),
  );
  const refused = async () => {
    await cluster.until(
      securityServices,
      { namespace, name: 'ad-a' },
      'refused',
      ({ status }) => status?.conditions?.some(({ reason }) => reason === 'CredentialsRefused') === true,
      180_000,
    );
    await eventually(
      'all servers blocked',
      async () => {
        const { items } = await cluster.client.list(shareServers, { namespace });
        const blocked = items.filter(({ status }) =>
          status?.conditions?.some(({ type, reason }) => type === 'Stalled' && reason === 'CredentialsRefused'),
        );
        return blocked.length === 6 ? true : undefined;
      },
      60_000,
    );
  };
  await refused();
  // What one refused attempt costs in all: each further one is a person's request.
  const one = await a.refusedLogins('joiner');
  expect(one).toBeGreaterThan(0);
  expect(one).toBeLessThanOrEqual(2);

  await stage.operator.stop();
  await cluster.startOperator();
  const { shareServerName = '' } = (await cluster.client.get(shares, { namespace, name: 'share-4' })).status ?? {};
  await cluster.kubectl('delete', 'share', 'share-4', '--namespace', namespace);
  await cluster.kubectl('delete', 'shareserver', shareServerName, '--namespace', namespace);
  await cluster.apply(tenant.shareManifest('share-5'));
  await refused();
  expect(await a.refusedLogins('joiner')).toBe(one);

  await cluster.apply(passwordSecret(namespace, 'ad-a-password', a.password('joiner')));
  for (const name of ['share-0', 'share-1', 'share-5', 'other']) await tenant.share(name);
  const servers = await tenant.servers();
  expect(servers.map(({ status }) => status?.phase)).toEqual(servers.map(() => 'active'));
});
