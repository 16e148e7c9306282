import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  securityServices,
  shareAccesses,
  shareNetworks,
  shareServers,
  shares,
  storageBackends,
} from '../../../src/api/v1alpha1/resource-types.ts';
import type { Share } from '../../../src/api/v1alpha1/share.ts';
import type { ShareAccess } from '../../../src/api/v1alpha1/share-access.ts';
import type { ShareNetwork } from '../../../src/api/v1alpha1/share-network.ts';
import type { ShareServer } from '../../../src/api/v1alpha1/share-server.ts';
import type { StorageBackend } from '../../../src/api/v1alpha1/storage-backend.ts';
import type { DummyFault } from '../../../src/drivers/dummy/config.ts';
import type { KubeObject, ResourceType } from '../../../src/runtime/kube-object.ts';
import { eventually } from '../../faults/eventually.ts';
import { access, activeDirectory, backend, network, passwordSecret, share } from '../manifests.ts';
import { TestCluster } from '../test-cluster.ts';
import { type KStatus, kstatusOf, type StatusCarrier } from './kstatus.ts';
import { VersionRecorder } from './version-recorder.ts';

const kinds: readonly ResourceType[] = [
  storageBackends,
  securityServices,
  shareNetworks,
  shareServers,
  shares,
  shareAccesses,
];
type AnyObject = StorageBackend | ShareNetwork | ShareServer | Share | ShareAccess;

/** Why an object does not match its spec, judged by the facts in its status and not by its conditions. */
function lackOf(object: AnyObject): string | undefined {
  switch (object.kind) {
    case 'StorageBackend': {
      const { status } = object as StorageBackend;
      return status?.capabilities === undefined ? 'not probed' : undefined;
    }
    case 'ShareNetwork': {
      const { spec, status } = object as ShareNetwork;
      if (status?.phase !== 'active') return `phase ${status?.phase}`;
      const names = (services: readonly { readonly name: string }[] = []) => services.map(({ name }) => name).join();
      return names(spec.securityServices) === names(status.securityServices) ? undefined : 'another association';
    }
    case 'ShareServer': {
      const { status } = object as ShareServer;
      return status?.phase === 'active' && status.identifier !== undefined ? undefined : `phase ${status?.phase}`;
    }
    case 'Share': {
      const { spec, status } = object as Share;
      if (status?.phase !== 'available') return `phase ${status?.phase}`;
      if ((status.exportLocations ?? []).length === 0) return 'no export location';
      return status.size === spec.size ? undefined : `size ${status.size}`;
    }
    case 'ShareAccess': {
      const { spec, status } = object as ShareAccess;
      if (status?.phase !== 'active') return `phase ${status?.phase}`;
      if (status.accessLevel !== spec.accessLevel) return `level ${status.accessLevel}`;
      return status.accessKeySecretRef === undefined ? 'no key' : undefined;
    }
    default:
      return undefined;
  }
}

describe('kstatus', () => {
  let cluster: TestCluster;
  let namespace: string;
  let recorder: VersionRecorder;

  beforeAll(async () => {
    cluster = await TestCluster.start();
    namespace = await cluster.namespace();
    recorder = await VersionRecorder.start(cluster.client, kinds, namespace);
    await cluster.startOperator();
  }, 180_000);

  afterAll(async () => {
    await cluster?.stop();
  });

  const withFaults = (...faults: readonly DummyFault[]) =>
    backend(
      'dummy',
      { stateDirectory: cluster.stateDirectory, latency: '30ms', faults },
      { unusedShareServerTimeout: '1s' },
    );
  const manifest = (service: string) => network(namespace, 'net', [{ type: 'active_directory', name: service }]);

  async function present(): Promise<readonly KubeObject[]> {
    const lists = kinds.map((kind) => cluster.client.list(kind, kind.namespaced ? { namespace } : {}));
    return (await Promise.all(lists)).flatMap(({ items }) => items);
  }

  /** Waits until every object is taken to be so, but those named. */
  async function untilAll(wanted: KStatus, except: readonly string[] = []): Promise<void> {
    let others: readonly string[] = [];
    await eventually(
      wanted,
      async () => {
        others = (await present())
          .filter((object) => kstatusOf(object as StatusCarrier) !== wanted)
          .map(({ kind, metadata }) => `${kind} ${metadata.name}`);
        return others.every((name) => except.includes(name));
      },
      40_000,
    ).catch(() => {
      throw new Error(`not ${wanted}: ${others.join(', ')}`);
    });
  }

  test('reads every version of every object rightly, from its first second to its end', {
    timeout: 300_000,
  }, async () => {
    await cluster.apply(
      withFaults(),
      ...['ad-a', 'ad-b', 'ad-c'].flatMap((name) => [
        passwordSecret(namespace, `${name}-password`, `secret-${name}`),
        activeDirectory(namespace, name),
      ]),
      manifest('ad-a'),
      ...['s0', 's1'].map((name) => share(namespace, name, { shareNetworkName: 'net' })),
      ...['s0', 's1'].map((name) => access(namespace, `user-${name}`, name)),
    );
    await untilAll('Current');

    await cluster.apply(share(namespace, 's0', { shareNetworkName: 'net', size: '2Gi' }));
    await cluster.apply(access(namespace, 'user-s1', 's1', { accessLevel: 'ro' }));
    await untilAll('Current');

    await cluster.apply(manifest('ad-b'));
    await untilAll('Current');

    const failing = (await cluster.client.get(shares, { namespace, name: 's0' })).status?.shareServerName ?? '';
    const fault: DummyFault = {
      operation: 'updateShareServerSecurityService',
      kind: 'rejected',
      match: { namespace, shareServer: failing },
    };
    await cluster.apply(withFaults(fault));
    await untilAll('Current');
    await cluster.apply(manifest('ad-c'));
    const hit = ['ShareNetwork net', `ShareServer ${failing}`, 'Share s0', 'ShareAccess user-s0'];
    await eventually('the failure is reported', async () => {
      const server = await cluster.client.get(shareServers, { namespace, name: failing });
      const { status } = await cluster.client.get(shareNetworks, { namespace, name: 'net' });
      return server.status?.phase === 'error' && status?.lastNetworkChange?.result === 'Failed';
    });
    await untilAll('Current', hit);
    const stalled = (await present()).filter((object) => kstatusOf(object as StatusCarrier) === 'Failed');
    expect(stalled.map(({ kind, metadata }) => `${kind} ${metadata.name}`)).toEqual(
      expect.arrayContaining(['ShareNetwork net', `ShareServer ${failing}`, 'ShareAccess user-s0']),
    );

    await cluster.apply(withFaults());
    await cluster.kubectl('annotate', '-n', namespace, 'sharenetwork', 'net', 'sharenet.io/reapply-requested-at=again');
    await untilAll('Current');

    for (const name of ['s0', 's1']) {
      await cluster.client.delete(shareAccesses, { namespace, name: `user-${name}` });
      await cluster.client.delete(shares, { namespace, name });
    }
    await cluster.client.delete(shareNetworks, { namespace, name: 'net' });
    for (const name of ['ad-a', 'ad-b', 'ad-c']) await cluster.client.delete(securityServices, { namespace, name });
    await cluster.client.delete(storageBackends, { name: 'dummy' });
    await eventually('all is gone', async () => (await present()).length === 0, 60_000);
    await recorder.stop();

    const wrong: string[] = [];
    const firstSeen = new Set<string>();
    for (const version of recorder.versions) {
      const { kind, metadata } = version;
      // Watches of our kinds show objects of our kinds.
      const object = version as AnyObject;
      const taken = kstatusOf(object);
      const name = `${kind} ${metadata.name}`;
      const tell = (problem: string) =>
        wrong.push(`${name}: ${problem}: ${JSON.stringify({ generation: metadata.generation, ...object.status })}`);
      if (!firstSeen.has(name)) {
        firstSeen.add(name);
        if (taken !== 'InProgress') tell(`${taken} in its first second`);
      }
      const lack = taken === 'Current' ? lackOf(object) : undefined;
      if (lack !== undefined) tell(`Current, though ${lack}`);
      if (taken === 'Failed' && !hit.includes(name)) tell('Failed');
      const ready = object.status?.conditions?.find(({ type }) => type === 'Ready');
      if ((taken === 'Failed' || object.status?.observedGeneration === metadata.generation) && ready === undefined) {
        tell('handled without Ready');
      }
    }
    expect(wrong).toEqual([]);
    expect(recorder.versions.length).toBeGreaterThan(60);
    expect([...firstSeen].map((name) => name.split(' ')[0]).sort()).toEqual([
      ...Array.from({ length: 3 }, () => 'SecurityService'),
      'Share',
      'Share',
      'ShareAccess',
      'ShareAccess',
      'ShareNetwork',
      'ShareServer',
      'ShareServer',
      'StorageBackend',
    ]);
  });
});
