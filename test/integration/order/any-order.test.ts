import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  securityServices,
  shareAccesses,
  shareNetworks,
  shareServers,
  shares,
  storageBackends,
} from '../../../src/api/v1alpha1/resource-types.ts';
import { type Secret, secrets } from '../../../src/runtime/core-types.ts';
import type { KubeObject, ResourceType } from '../../../src/runtime/kube-object.ts';
import { eventually } from '../../faults/eventually.ts';
import { chooseSeed, shuffled, withSeed } from '../crash/seeded-random.ts';
import { access, activeDirectory, backend, ldap, network, passwordSecret, share } from '../manifests.ts';
import { TestCluster } from '../test-cluster.ts';
import { kstatusOf, type StatusCarrier } from './kstatus.ts';

const orders = 6;
const ours: readonly ResourceType[] = [securityServices, shareNetworks, shares, shareAccesses, shareServers];

describe('manifests that are applied one by one', () => {
  let cluster: TestCluster;

  beforeAll(async () => {
    cluster = await TestCluster.start();
    await cluster.startOperator();
  }, 180_000);

  afterAll(async () => {
    await cluster?.stop();
  });

  /** Everything of one tenant, with a backend of their own. */
  function manifests(namespace: string): readonly (() => Promise<unknown>)[] {
    const { client } = cluster;
    const create =
      <T extends KubeObject>(type: ResourceType<T>, object: T) =>
      () =>
        client.create(type, object);
    const backendName = `backend-${namespace}`;
    const placed = { shareNetworkName: 'net', backendName };
    // What a Secret may have beside its data is of no interest to the operator, so its type does not know it.
    const secret = (name: string) => create(secrets, passwordSecret(namespace, name, 'secret-of-a-tenant') as Secret);
    return [
      create(storageBackends, backend(backendName, { stateDirectory: cluster.stateDirectory })),
      secret('ad-password'),
      secret('directory-password'),
      create(securityServices, activeDirectory(namespace, 'ad')),
      create(securityServices, ldap(namespace, 'directory')),
      create(
        shareNetworks,
        network(namespace, 'net', [
          { type: 'active_directory', name: 'ad' },
          { type: 'ldap', name: 'directory' },
        ]),
      ),
      create(shares, share(namespace, 's0', placed)),
      create(shares, share(namespace, 's1', placed)),
      create(shares, share(namespace, 'files', { ...placed, protocol: 'CIFS' })),
      create(shareAccesses, access(namespace, `${namespace}-alice`, 's0')),
      create(shareAccesses, access(namespace, `${namespace}-bob`, 's1', { accessLevel: 'ro' })),
      create(shareAccesses, access(namespace, 'carol', 'files', { accessType: 'user', accessTo: 'carol' })),
    ];
  }

  test(`all become ready in each of ${orders} random orders`, { timeout: 300_000 }, async () => {
    await withSeed(chooseSeed(), async (random) => {
      const namespaces: string[] = [];
      for (let order = 0; order < orders; order += 1) namespaces.push(await cluster.namespace());
      await Promise.all(
        namespaces.map(async (namespace) => {
          for (const apply of shuffled(manifests(namespace), random)) {
            await apply();
            await pause(random() * 250);
          }
        }),
      );
      for (const namespace of namespaces) {
        let others: readonly string[] = [];
        let count = 0;
        await eventually(
          'all ready',
          async () => {
            const lists = await Promise.all(ours.map((type) => cluster.client.list(type, { namespace })));
            const objects = lists.flatMap(({ items }) => items);
            count = objects.length;
            others = objects
              .filter((object) => kstatusOf(object as StatusCarrier) !== 'Current')
              .map((object) => JSON.stringify(object));
            return others.length === 0;
          },
          60_000,
        ).catch(() => undefined);
        expect(others, `in ${namespace}`).toEqual([]);
        expect(count).toBe(9 + 3);
      }
    });
  });
});
