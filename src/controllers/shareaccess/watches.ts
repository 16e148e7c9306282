import type { Share } from '../../api/v1alpha1/share.ts';
import type { ShareAccess } from '../../api/v1alpha1/share-access.ts';
import type { StorageBackend } from '../../api/v1alpha1/storage-backend.ts';
import { namespaceView } from '../../cluster-state/namespace-view.ts';
import type { Controller } from '../../runtime/controller.ts';
import { nameOf, type ObjectName } from '../../runtime/kube-object.ts';
import type { Operator } from '../operator.ts';
import { changed, labelsOf } from '../watches/changed.ts';
import { ruleNameOf } from './key-secret.ts';
import type { ShareMemories } from './memory.ts';

/** What has the rules of a share reconciled. The key of this controller is the share. */
export function watchForShareAccesses(operator: Operator, controller: Controller, memories: ShareMemories): void {
  const { informers } = operator;
  const shareOf = ({ metadata, spec }: ShareAccess): ObjectName => ({
    namespace: metadata.namespace ?? '',
    name: spec.shareName,
  });
  controller.watch(informers.shareAccesses, ({ object }) => shareOf(object));
  controller.watch(informers.shares, (event) => {
    const select = ({ status, metadata }: Share) => [
      status?.phase,
      status?.identifier,
      metadata.deletionTimestamp,
      metadata.annotations,
    ];
    return changed(event, select) ? nameOf(event.object) : undefined;
  });
  controller.watch(informers.shareServers, (event) => {
    if (!changed(event, ({ status }) => status?.phase)) return undefined;
    const { namespace = '', name } = event.object.metadata;
    return namespaceView(operator, namespace).sharesOn(name).map(nameOf);
  });
  controller.watch(informers.shareNetworks, (event) => {
    if (!changed(event, ({ metadata, status }) => [status?.phase, metadata.deletionTimestamp])) return undefined;
    const { namespace = '', name } = event.object.metadata;
    return namespaceView(operator, namespace).sharesOfNetwork(name).map(nameOf);
  });
  // The labels of a namespace decide which reserved ids its rules may use.
  controller.watch(informers.namespaces, (event) => {
    if (!changed(event, labelsOf)) return undefined;
    return informers.shareAccesses.cache
      .list(event.object.metadata.name)
      .filter(({ spec, status }) => spec.accessType === 'cephx' && status?.accessLevel === undefined)
      .map(shareOf);
  });
  controller.watch(informers.storageBackends, (event) => {
    const { object, previous } = event;
    const shares = informers.shares.cache.byIndex('byBackend', object.metadata.name);
    const known = previous?.status?.capabilities?.backendInfo;
    if (known !== undefined && known !== object.status?.capabilities?.backendInfo) {
      const placed = shares.filter(({ status }) => status?.backendName === object.metadata.name);
      for (const share of placed) memories.of(share).examineSoon = true;
    }
    const select = ({ spec, status, metadata }: StorageBackend) => [
      spec.enabled,
      spec.allowAbandon,
      spec.cephfs?.reservedIDs,
      status?.capabilities,
      status?.conditions,
      metadata.deletionTimestamp,
    ];
    if (!changed(event, select)) return undefined;
    // Shares with rules to deny come first.
    const isDenying = ({ metadata: { namespace = '', name } }: Share): boolean =>
      namespaceView(operator, namespace)
        .rulesOf(name)
        .some(({ metadata }) => metadata.deletionTimestamp !== undefined);
    return [...shares.filter(isDenying), ...shares].map(nameOf);
  });
  controller.watch(informers.accessKeys, ({ object }) => {
    // Found by the name of the Secret, whose owner reference may have been removed.
    const name = ruleNameOf(object);
    const { namespace = '' } = object.metadata;
    const rule = name === undefined ? undefined : informers.shareAccesses.cache.get({ namespace, name });
    return rule === undefined ? undefined : shareOf(rule);
  });
}
