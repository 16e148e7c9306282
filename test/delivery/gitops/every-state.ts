import {
  apiVersion,
  securityServices,
  shareAccesses,
  shareNetworks,
  shareServers,
  shares,
  storageBackends,
} from '../../../src/api/v1alpha1/resource-types.ts';
import type { Share } from '../../../src/api/v1alpha1/share.ts';
import type { ShareAccess } from '../../../src/api/v1alpha1/share-access.ts';
import type { DummyFault } from '../../../src/drivers/dummy/config.ts';
import type { KubeObject, ResourceType } from '../../../src/runtime/kube-object.ts';
import { eventually } from '../../faults/eventually.ts';
import { access, activeDirectory, share } from '../../integration/manifests.ts';
import { ad, Scene } from '../../integration/network-change/scene.ts';
import { VersionRecorder } from '../../integration/order/version-recorder.ts';
import { conditionOf } from '../../integration/tenant.ts';
import type { TestCluster } from '../../integration/test-cluster.ts';

/** All kinds. */
export const kinds: readonly ResourceType[] = [
  storageBackends,
  securityServices,
  shareNetworks,
  shareServers,
  shares,
  shareAccesses,
];

/** Leads objects of every kind through every phase. @returns every version that the API server stored */
export async function everyState(cluster: TestCluster): Promise<readonly KubeObject[]> {
  const scene = await Scene.make(cluster, {
    dummy: { latency: '30ms' },
    backendSpec: { unusedShareServerTimeout: '1s' },
  });
  const { namespace } = scene;
  const recorder = await VersionRecorder.start(cluster.client, kinds, namespace);
  const settled = async (type: ResourceType, name: string, ready: string): Promise<void> => {
    const within = type.namespaced ? { namespace } : {};
    await cluster.until(type, { ...within, name }, ready, (object) => conditionOf(object, 'Ready') === ready);
  };
  const inPhase = async (type: ResourceType<Share | ShareAccess>, name: string, phase: string): Promise<void> => {
    await cluster.until(type, { namespace, name }, phase, ({ status }) => status?.phase === phase);
  };
  const rejected = (operation: string, match: DummyFault['match'] = { namespace }): DummyFault => ({
    ...{ operation, kind: 'rejected', message: 'not today' },
    ...(match === undefined ? {} : { match }),
  });
  const gone = async (type: ResourceType, name: string): Promise<void> => {
    await cluster.untilGone(type, type.namespaced ? { namespace, name } : { name });
  };

  // What can't be ready.
  await cluster.apply(
    activeDirectory(namespace, 'without-password', { passwordSecretRef: { name: 'nothing' } }),
    { ...activeDirectory(namespace, 'incomplete'), spec: { type: 'active_directory', domain: 'a.example.com' } },
    {
      ...{ apiVersion, kind: 'StorageBackend', metadata: { name: `no-credentials-${namespace}` } },
      spec: {
        driver: 'cephfs',
        cephfs: { monitors: ['127.0.0.1:3300'], user: 'sharenet', credentialsSecretName: 'nothing', fsName: 'cephfs' },
      },
    },
  );
  await settled(securityServices, 'without-password', 'False/CredentialsNotFound');
  await settled(securityServices, 'incomplete', 'False/SecurityServiceIncomplete');
  await settled(storageBackends, `no-credentials-${namespace}`, 'False/CredentialsNotFound');

  // The usual life.
  await cluster.apply(
    scene.share('s0'),
    scene.share('s1'),
    access(namespace, 'user-s0', 's0'),
    access(namespace, 'user-s1', 's1'),
    access(namespace, 'user-no-more', 's1'),
  );
  await settled(shareAccesses, 'user-no-more', 'True/Applied');
  await settled(shareAccesses, 'user-s0', 'True/Applied');
  await settled(shareAccesses, 'user-s1', 'True/Applied');
  for (const size of ['2Gi', '1Gi']) {
    await cluster.apply(share(namespace, 's0', { shareNetworkName: 'net', backendName: scene.backendName, size }));
    await cluster.until(shares, { namespace, name: 's0' }, size, ({ status }) => status?.size === size);
  }
  await cluster.apply(access(namespace, 'user-s1', 's1', { accessLevel: 'ro' }));
  await cluster.until(
    shareAccesses,
    { namespace, name: 'user-s1' },
    'ro',
    ({ status }) => status?.accessLevel === 'ro',
  );
  await settled(shareAccesses, 'user-s1', 'True/Applied');
  await scene.refer([ad('ad-b')]);
  await scene.changed('Succeeded');

  // A storage so slow that a rule says that it is asked.
  await scene.configure({ latency: '1500ms' });
  await cluster.apply(access(namespace, 'user-slow', 's0'));
  await settled(shareAccesses, 'user-slow', 'True/Applied');
  await cluster.apply(access(namespace, 'user-slow', 's0', { accessLevel: 'ro' }));
  await inPhase(shareAccesses, 'user-slow', 'updating');
  await settled(shareAccesses, 'user-slow', 'True/Applied');
  await scene.kubectl('delete', 'shareaccess', 'user-slow');
  await scene.configure({});

  // A server that does not take a change, and then does.
  const { status } = await cluster.client.get(shares, { namespace, name: 's0' });
  const shareServer = status?.shareServerName ?? '';
  await scene.faults(rejected('updateShareServerSecurityService', { namespace, shareServer }));
  await scene.refer([ad('ad-c')]);
  await scene.changed('Failed');
  await settled(shareAccesses, 'user-s0', 'False/ShareServerError');
  await scene.faults(rejected('createShare', { namespace, share: 's2' }), rejected('deleteShare', { namespace }));
  await scene.annotate('sharenetwork', 'net', 'sharenet.io/reapply-requested-at=again');
  await settled(shareNetworks, 'net', 'True/Available');
  await settled(shareAccesses, 'user-s0', 'True/Applied');

  // What people do.
  await scene.annotate('share', 's1', 'sharenet.io/paused=true');
  await settled(shares, 's1', 'False/Paused');
  await scene.annotate('share', 's1', 'sharenet.io/paused-');
  await settled(shares, 's1', 'True/Available');
  await scene.reset('sharenetwork', 'net', 'network_change');
  await settled(shareNetworks, 'net', 'False/Maintenance');
  await cluster.apply(access(namespace, 'user-s1', 's1'));
  await scene.kubectl('delete', 'shareaccess', 'user-no-more', '--wait=false');
  await inPhase(shareAccesses, 'user-s1', 'queued_to_update');
  await inPhase(shareAccesses, 'user-no-more', 'queued_to_deny');
  await scene.reset('sharenetwork', 'net', 'error');
  await settled(shareNetworks, 'net', 'False/NetworkError');
  await scene.reset('sharenetwork', 'net', 'active');
  await settled(shareNetworks, 'net', 'True/Available');

  // What the storage refuses.
  await cluster.apply(scene.share('s2'));
  await inPhase(shares, 's2', 'error');
  await scene.kubectl('delete', 'share', 's2', 's1', '--wait=false');
  await inPhase(shares, 's1', 'error_deleting');
  await cluster.kubectl('delete', 'storagebackend', scene.backendName, '--wait=false');
  await scene.kubectl('delete', 'securityservice', '--all', '--wait=false');
  await cluster.until(
    storageBackends,
    { name: scene.backendName },
    'held back',
    (object) => conditionOf(object, 'DeletionBlocked') === 'True/BackendInUse',
  );
  await scene.configure({ faults: [] });
  for (const name of ['s1', 's2'])
    await scene.annotate('share', name, 'sharenet.io/reconcile-requested-at=now').catch(() => {});
  await gone(shares, 's1');
  await gone(shares, 's2');
  await scene.kubectl('delete', 'shareaccess', '--all', '--wait=false');
  await scene.kubectl('delete', 'share', 's0', '--wait=false');
  await scene.kubectl('delete', 'sharenetwork', 'net', '--wait=false');
  await gone(storageBackends, scene.backendName);
  await eventually('all services are gone', async () => {
    return (await cluster.client.list(securityServices, { namespace })).items.length === 0;
  });
  await recorder.stop();
  return recorder.versions;
}
