import { isReady } from '../../api/v1alpha1/conditions.ts';
import type { ShareNetwork } from '../../api/v1alpha1/share-network.ts';
import type { StorageBackend } from '../../api/v1alpha1/storage-backend.ts';
import { isUnmade } from '../../cluster-state/informers.ts';
import { namespaceView } from '../../cluster-state/namespace-view.ts';
import type { Controller } from '../../runtime/controller.ts';
import { nameOf } from '../../runtime/kube-object.ts';
import type { Operator } from '../operator.ts';
import { changed, labelsOf } from '../watches/changed.ts';

/** What has Shares reconciled: they themselves, and everything that a placement, a creation, a resize or a deletion waits for. */
export function watchForShares(operator: Operator, controller: Controller): void {
  const { informers } = operator;
  controller.watch(informers.shares);
  // The labels of a namespace decide which backends its shares may use.
  controller.watch(informers.namespaces, (event) =>
    changed(event, labelsOf)
      ? informers.shares.cache.list(event.object.metadata.name).filter(isUnmade).map(nameOf)
      : undefined,
  );
  controller.watch(informers.shareServers, (event) => {
    const { object } = event;
    if (!changed(event, ({ metadata, status }) => [status?.phase, status?.identifier, metadata.deletionTimestamp])) {
      return undefined;
    }
    const { sharesOn, unplacedSharesOfNetwork } = namespaceView(operator, object.metadata.namespace ?? '');
    const waiting = unplacedSharesOfNetwork(object.spec.shareNetworkName);
    return [...sharesOn(object.metadata.name), ...waiting].map(nameOf);
  });
  controller.watch(informers.shareNetworks, (event) => {
    if (!changed(event, decisiveNetworkFields)) return undefined;
    const { namespace = '', name } = event.object.metadata;
    return namespaceView(operator, namespace).sharesOfNetwork(name).map(nameOf);
  });
  controller.watch(informers.storageBackends, (event) => {
    if (!changed(event, decisiveBackendFields)) return undefined;
    const pending = informers.shares.cache
      .byIndex('byBackend', event.object.metadata.name)
      .filter((share) => share.metadata.deletionTimestamp !== undefined || !isReady(share));
    // Deletions come first.
    const deleted = pending.filter(({ metadata }) => metadata.deletionTimestamp !== undefined);
    return [...deleted, ...informers.shares.cache.byIndex('unplaced', ''), ...pending].map(nameOf);
  });
  // A deletion waits for its access rules.
  controller.watch(informers.shareAccesses, ({ object }) => {
    const name = { namespace: object.metadata.namespace ?? '', name: object.spec.shareName };
    return informers.shares.cache.get(name)?.metadata.deletionTimestamp === undefined ? undefined : name;
  });
}

function decisiveNetworkFields({ spec, status, metadata }: ShareNetwork): unknown {
  return [status?.phase, status?.securityServices, spec.subnets, metadata.deletionTimestamp];
}

function decisiveBackendFields({ spec, status, metadata }: StorageBackend): unknown {
  return [spec, status?.capabilities, status?.capacity, status?.conditions, metadata.deletionTimestamp];
}
