import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { NamespaceSelection } from '../../../src/api/v1alpha1/label-selector.ts';
import type { AllowedSegment } from '../../../src/api/v1alpha1/network-segments.ts';
import { network, share } from '../manifests.ts';
import { conditionOf, messageOf, Tenant } from '../tenant.ts';
import { TestCluster } from '../test-cluster.ts';
import { namespaceVersions } from './namespace-versions.ts';

describe('what a backend lets namespaces do', () => {
  let cluster: TestCluster;

  beforeAll(async () => {
    cluster = await TestCluster.start();
    await cluster.startOperator();
  }, 120_000);

  afterAll(async () => {
    await cluster?.stop();
  });

  const labelled = (key: string, value: string): NamespaceSelection => ({
    from: 'Selector',
    selector: { matchLabels: { [key]: value } },
  });

  async function untilWaits(tenant: Tenant, name: string, because: string): Promise<void> {
    const waiting = await tenant.untilShare(name, because, (object) => messageOf(object, 'Ready').includes(because));
    expect([conditionOf(waiting, 'Reconciling').split('/')[0], waiting.status?.backendName]).toEqual([
      'True',
      undefined,
    ]);
  }

  test('a label that is taken away later keeps new shares out, and leaves what is there as it is', async () => {
    const tenant = await Tenant.make(cluster, {}, { allowedNamespaces: labelled('tier', 'gold') });
    const { namespace, backendName } = tenant;
    await cluster.kubectl('label', 'namespace', namespace, 'tier=gold');
    await tenant.makeShares(['old']);
    await tenant.grant('alice', 'old', { accessTo: `${namespace}-alice` });
    await tenant.untilActive('alice');
    const before = await namespaceVersions(cluster, namespace);
    await cluster.kubectl('label', 'namespace', namespace, 'tier-');
    await cluster.apply(share(namespace, 'new', { backendName }));
    await untilWaits(tenant, 'new', `does not allow namespace ${namespace}`);
    const { 'Share/new': _, ...after } = await namespaceVersions(cluster, namespace);
    expect(after).toEqual(before);
    // It goes on to be served: its clients, its size, its end.
    await tenant.grant('bob', 'old', { accessTo: `${namespace}-bob` });
    await tenant.untilActive('bob');
    await cluster.apply(share(namespace, 'old', { backendName, size: '2Gi' }));
    await tenant.untilShare('old', 'grown', ({ status }) => status?.size === '2Gi');
    await tenant.kubectl('delete', 'share', 'old', '--timeout=30s');
    expect(await tenant.callsOf('createShare')).toHaveLength(1);

    await cluster.kubectl('label', 'namespace', namespace, 'tier=gold');
    await tenant.untilShare('new', 'made', ({ status }) => status?.phase === 'available');
  });

  test('a label of another value, or of another namespace, does not help', async () => {
    const tenant = await Tenant.make(cluster, {}, { allowedNamespaces: labelled('tier', 'gold') });
    const neighbour = await tenant.neighbour();
    await cluster.kubectl('label', 'namespace', tenant.namespace, 'tier=gold');
    await cluster.kubectl('label', 'namespace', neighbour.namespace, 'tier=golden');
    const { namespace, backendName } = neighbour;
    await cluster.apply({ ...share(namespace, 'labelled', { backendName }), metadata: labels(namespace) });
    await untilWaits(neighbour, 'labelled', `does not allow namespace ${namespace}`);
    await tenant.makeShares(['share']);
  });

  test('a tenant reads the same about a backend that is not offered to them as about one that does not exist', async () => {
    const other = await Tenant.make(cluster, {}, { allowedNamespaces: labelled('tier', 'gold') });
    const tenant = await other.neighbour();
    await cluster.apply(
      share(tenant.namespace, 'hidden', { backendName: other.backendName }),
      share(tenant.namespace, 'missing', { backendName: 'no-such-backend' }),
      share(tenant.namespace, 'anywhere', { size: '7Pi' }),
    );
    const answers = await Promise.all(
      [
        ['hidden', other.backendName],
        ['missing', 'no-such-backend'],
      ].map(async ([name = '', backendName = '']) => {
        const told = await tenant.untilShare(name, 'waits', (object) => messageOf(object, 'Ready') !== '');
        expect(conditionOf(told, 'Ready')).toBe('False/BackendNotFound');
        return messageOf(told, 'Ready').replace(backendName, 'it');
      }),
    );
    expect(answers[0]).toBe(answers[1]);
    const anywhere = await tenant.untilShare('anywhere', 'waits', (object) => messageOf(object, 'Ready') !== '');
    expect(messageOf(anywhere, 'Ready')).not.toContain(other.backendName);
    expect(await tenant.kubectl('get', 'events', '-o', 'jsonpath={.items[*].note}')).not.toContain(other.backendName);
  });

  const labels = (namespace: string) => ({ namespace, name: 'labelled', labels: { tier: 'gold' } });

  test('a segment is for the namespaces that the backend gives it to', async () => {
    const allowedSegments: readonly AllowedSegment[] = [
      { networkType: 'vlan', segmentationIDs: ['100-199'], namespaces: labelled('team', 'red') },
      {
        networkType: 'vlan',
        segmentationIDs: ['200-299'],
        cidrs: ['10.40.0.0/16'],
        namespaces: labelled('team', 'blue'),
      },
      { networkType: 'flat', cidrs: ['10.50.0.0/16'] },
    ];
    const red = await Tenant.make(cluster, { driverHandlesShareServers: true }, { allowedSegments });
    const blue = await red.neighbour();
    await cluster.kubectl('label', 'namespace', red.namespace, 'team=red');
    await cluster.kubectl('label', 'namespace', blue.namespace, 'team=blue');
    const on = ({ namespace }: Tenant, name: string, networkType: 'vlan' | 'flat', cidr: string, id?: number) =>
      network(namespace, name, [], {
        subnets: [{ name: 'default', networkType, cidr, ...(id === undefined ? {} : { segmentationID: id }) }],
      });
    await cluster.apply(
      on(red, 'own', 'vlan', '10.40.0.0/24', 150),
      on(red, 'foreign', 'vlan', '10.40.1.0/24', 250),
      on(blue, 'own', 'vlan', '10.40.1.0/24', 250),
      on(blue, 'foreign', 'vlan', '10.40.2.0/24', 150),
      on(blue, 'outside', 'vlan', '10.41.0.0/24', 250),
      on(blue, 'wider', 'vlan', '10.0.0.0/8', 250),
      on(blue, 'flat', 'flat', '10.50.0.0/24'),
      on(blue, 'flat-outside', 'flat', '10.51.0.0/24'),
    );
    await red.makeShares(['own'], { shareNetworkName: 'own' });
    await blue.makeShares(['own'], { shareNetworkName: 'own' });
    await blue.makeShares(['flat'], { shareNetworkName: 'flat' });
    const refused: readonly (readonly [Tenant, string])[] = [
      [red, 'foreign'],
      [blue, 'foreign'],
      [blue, 'outside'],
      [blue, 'wider'],
      [blue, 'flat-outside'],
    ];
    for (const [{ namespace, backendName }, name] of refused) {
      await cluster.apply(share(namespace, name, { backendName, shareNetworkName: name }));
    }
    for (const [tenant, name] of refused) {
      await untilWaits(tenant, name, 'does not allow the segment of subnet default');
    }
    expect(await red.callsOf('setupServer')).toHaveLength(1);
    expect(await blue.callsOf('setupServer')).toHaveLength(2);
  });
});
