import type { ShareNetwork } from '../../api/v1alpha1/share-network.ts';
import type { StorageBackend } from '../../api/v1alpha1/storage-backend.ts';
import { namespaceView } from '../../cluster-state/namespace-view.ts';
import { isPaused } from '../../cluster-state/requests.ts';
import type { Controller } from '../../runtime/controller.ts';
import { nameOf } from '../../runtime/kube-object.ts';
import type { Operator } from '../operator.ts';
import { changed, labelsOf } from '../watches/changed.ts';

/** Reconciles ShareNetworks on events of them, and of everything that the guard of a change decides on. */
export function watchForShareNetworks(operator: Operator, controller: Controller): void {
  const { informers } = operator;
  controller.watch(informers.shareNetworks);
  controller.watch(informers.shareServers, ({ object }) => ({
    namespace: object.metadata.namespace ?? '',
    name: object.spec.shareNetworkName,
  }));
  controller.watch(informers.securityServices, ({ object }) => {
    const { namespace = '', name } = object.metadata;
    return namesOf(namespaceView(operator, namespace).networksWith(name));
  });
  controller.watch(informers.credentials, ({ object }) => {
    const { namespace = '', name } = object.metadata;
    const { networksWith } = namespaceView(operator, namespace);
    const services = informers.securityServices.cache.byIndex('byPasswordSecret', `${namespace}/${name}`);
    return namesOf(services.flatMap((service) => networksWith(service.metadata.name)));
  });
  // Which segments a network may use, and whether its share servers can be changed.
  controller.watch(informers.storageBackends, (event) => {
    const segments = ({ spec, status, metadata }: StorageBackend) => [
      spec.allowedNamespaces,
      spec.allowedSegments,
      status?.capabilities?.driverHandlesShareServers,
      metadata.deletionTimestamp,
    ];
    if (changed(event, segments)) return namesOf(informers.shareNetworks.cache.list());
    const abilities = ({ spec, status }: StorageBackend) => [spec.enabled, status?.conditions, status?.capabilities];
    if (!changed(event, abilities)) return undefined;
    return informers.shareServers.cache.byIndex('byBackend', event.object.metadata.name).map((server) => ({
      namespace: server.metadata.namespace ?? '',
      name: server.spec.shareNetworkName,
    }));
  });
  // Its labels decide which segments its networks may use.
  controller.watch(informers.namespaces, (event) =>
    changed(event, labelsOf) ? namesOf(informers.shareNetworks.cache.list(event.object.metadata.name)) : undefined,
  );
  // A network waits for the end of a share, of work that was handed over to the storage system, and of a pause.
  controller.watch(informers.shares, ({ type, object, previous }) => {
    const name = object.spec.shareNetworkName;
    const isBusy = (share: typeof object | undefined): boolean =>
      share !== undefined && (isPaused(share) || share.status?.operation?.token !== undefined);
    const isSettled = isBusy(previous) && !isBusy(object);
    if (name === undefined || !(type === 'deleted' || isSettled)) return undefined;
    return { namespace: object.metadata.namespace ?? '', name };
  });
}

function namesOf(networks: readonly ShareNetwork[]) {
  return networks.map(nameOf);
}
