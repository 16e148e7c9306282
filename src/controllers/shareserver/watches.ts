import { isReady } from '../../api/v1alpha1/conditions.ts';
import * as labels from '../../api/v1alpha1/labels.ts';
import type { ShareNetwork } from '../../api/v1alpha1/share-network.ts';
import type { ShareServer } from '../../api/v1alpha1/share-server.ts';
import { namespaceView } from '../../cluster-state/namespace-view.ts';
import { isPaused, unhandledReconcileToken } from '../../cluster-state/requests.ts';
import { neverSetUp } from '../../network-change/server-state.ts';
import type { CacheEvent } from '../../runtime/cache.ts';
import type { Controller } from '../../runtime/controller.ts';
import { nameOf, type ObjectName } from '../../runtime/kube-object.ts';
import type { Operator } from '../operator.ts';
import { callsSuspended } from '../status/findings.ts';
import { changed, labelsOf } from '../watches/changed.ts';
import type { ServerOperator } from './server-operator.ts';

/** What has ShareServers reconciled: they themselves, and everything that a setup, a change or a teardown waits for. */
export function watchForShareServers(operator: ServerOperator, controller: Controller): void {
  const { informers } = operator;
  operator.suspects.onAdd((name) => controller.enqueue(name));
  controller.watch(informers.shareServers, (event) => [
    nameOf(event.object),
    ...waitingForAddresses(operator, event),
    ...waitingForRollout(operator, event),
  ]);
  controller.watch(informers.shareNetworks, (event) => {
    if (!changed(event, decisiveFields)) return undefined;
    const { namespace = '', name } = event.object.metadata;
    return namespaceView(operator, namespace).serversOf(name).map(nameOf);
  });
  // The labels of a namespace decide on which segments its servers may be set up.
  controller.watch(informers.namespaces, (event) =>
    changed(event, labelsOf)
      ? informers.shareServers.cache.list(event.object.metadata.name).filter(neverSetUp).map(nameOf)
      : undefined,
  );
  // A setup waits until its services are complete.
  controller.watch(informers.securityServices, (event) => {
    const { namespace = '', name } = event.object.metadata;
    // Services of one namespace may have the same credentials.
    if (changed(event, ({ status }) => status?.refusal)) {
      return informers.shareServers.cache.list(namespace).filter(neverSetUp).map(nameOf);
    }
    return unmadeServersWith(operator, namespace, name);
  });
  controller.watch(informers.credentials, ({ object }) => {
    const { namespace = '', name } = object.metadata;
    return informers.securityServices.cache
      .byIndex('byPasswordSecret', `${namespace}/${name}`)
      .flatMap((service) => unmadeServersWith(operator, namespace, service.metadata.name));
  });
  controller.watch(informers.shares, (event) => {
    const { object, previous } = event;
    const moved = changed(event, (share) => [share.status?.shareServerName, unhandledReconcileToken(share)]);
    if (!moved && object.metadata.deletionTimestamp === undefined) return undefined;
    const names = new Set([object.status?.shareServerName, previous?.status?.shareServerName]);
    const { namespace = '' } = object.metadata;
    return [...names].flatMap((name) => (name === undefined ? [] : [{ namespace, name }]));
  });
  controller.watch(informers.storageBackends, (event) =>
    changed(event, (backend) => [backend.spec, isReady(backend), callsSuspended(backend)])
      ? informers.shareServers.cache.byIndex('byBackend', event.object.metadata.name).map(nameOf)
      : undefined,
  );
}

/** The fields of a network that its servers depend on: phase, stage and association, but not the counts. */
function decisiveFields(network: ShareNetwork): unknown {
  return [
    network.status?.phase,
    network.status?.networkChange,
    network.status?.securityServices,
    network.spec.securityServiceChange,
    network.spec.subnets,
    isPaused(network),
    network.metadata.annotations?.[labels.reconcileRequestedAt],
    network.metadata.annotations?.[labels.reapplyRequestedAt],
  ];
}

/** Servers that may use the addresses of a server that is gone: on its backend, and of its network, whose subnet may change now. */
function waitingForAddresses(operator: Operator, { type, object }: CacheEvent<ShareServer>): readonly ObjectName[] {
  if (type !== 'deleted') return [];
  const { unmadeServersOf } = namespaceView(operator, object.metadata.namespace ?? '');
  const onBackend = operator.informers.shareServers.cache
    .byIndex('unmadeByBackend', object.spec.backendName)
    .filter(({ status }) => (status?.networkAllocations ?? []).length === 0);
  return [...onBackend, ...unmadeServersOf(object.spec.shareNetworkName)].map(nameOf);
}

/** Servers whose turn in a change may have come: another one ended its part, or failed. */
function waitingForRollout(
  operator: Operator,
  { type, object, previous }: CacheEvent<ShareServer>,
): readonly ObjectName[] {
  const before = type === 'deleted' ? object : previous;
  const present = type === 'deleted' ? undefined : object.status?.networkChange;
  if (before?.status?.networkChange === undefined || present !== undefined) return [];
  const { serversOf } = namespaceView(operator, object.metadata.namespace ?? '');
  return serversOf(object.spec.shareNetworkName)
    .filter(({ status }) => status?.phase === 'network_change')
    .map(nameOf);
}

/** Servers that were never set up of the networks that have a security service. */
function unmadeServersWith(operator: Operator, namespace: string, service: string): readonly ObjectName[] {
  const { networksWith, unmadeServersOf } = namespaceView(operator, namespace);
  return networksWith(service)
    .flatMap((network) => unmadeServersOf(network.metadata.name))
    .map(nameOf);
}
