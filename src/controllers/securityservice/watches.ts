import type { Controller } from '../../runtime/controller.ts';
import { nameOf } from '../../runtime/kube-object.ts';
import { changed } from '../watches/changed.ts';
import type { ServiceOperator } from './scope.ts';

/** Reconciles SecurityServices on events of them, of the networks and servers that use them, and of their Secrets. */
export function watchForSecurityServices({ informers, refusals }: ServiceOperator, controller: Controller): void {
  controller.watch(informers.securityServices);
  controller.watch(informers.shareNetworks, ({ object, previous }) => {
    const namespace = object.metadata.namespace ?? '';
    const names = [object, previous]
      .flatMap((network) => network?.status?.securityServices ?? [])
      .map(({ name }) => name);
    return [...new Set(names)].map((name) => ({ namespace, name }));
  });
  controller.watch(informers.shareServers, (event) => {
    // A pass compares all servers of the service: the other steps of each server are not worth one.
    if (!changed(event, ({ status }) => status?.securityServices)) return undefined;
    const { type, object, previous } = event;
    const namespace = object.metadata.namespace ?? '';
    const applied = [...(object.status?.securityServices ?? []), ...(previous?.status?.securityServices ?? [])];
    // The first and the last server of a network decide whether its services are in use.
    const recorded =
      type === 'modified'
        ? []
        : (informers.shareNetworks.cache.get({ namespace, name: object.spec.shareNetworkName })?.status
            ?.securityServices ?? []);
    return [...new Set([...applied, ...recorded].map(({ name }) => name))].map((name) => ({ namespace, name }));
  });
  controller.watch(informers.credentials, ({ object }) => {
    const { namespace = '', name } = object.metadata;
    return informers.securityServices.cache
      .byIndex('byPasswordSecret', `${namespace}/${name}`)
      .map((service) => ({ namespace, name: service.metadata.name }));
  });
  refusals.onRefused((service) => controller.enqueue(nameOf(service)));
}
