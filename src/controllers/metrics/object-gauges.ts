import { Gauge, type Registry } from 'prom-client';
import { isReady } from '../../api/v1alpha1/conditions.ts';
import type { Informers } from '../../cluster-state/informers.ts';
import { namespaceView } from '../../cluster-state/namespace-view.ts';
import type { Informer } from '../../runtime/informer.ts';
import { parseQuantity } from '../../values/quantity.ts';
import { complaintsOf, type WithStatus, withOwnSeries } from './unhealthy-objects.ts';

/**
 * Adds the gauges that are read from the caches at each scrape. Objects have series of their own only while something is wrong
 * with them or a change is in progress.
 *
 * @param isLeading waiting replicas report nothing: they would report everything a second time
 * @param now milliseconds since the Unix epoch
 */
export function registerObjectGauges(
  registry: Registry,
  informers: Informers,
  isLeading: () => boolean,
  now: () => number,
): void {
  const registers = [registry];
  const kinds = new Map<string, () => readonly WithStatus[]>();
  const addKind = <T extends WithStatus>({ type, cache }: Informer<T>): void => {
    kinds.set(type.kind, () => (isLeading() ? cache.list() : []));
  };
  addKind(informers.storageBackends);
  addKind(informers.securityServices);
  addKind(informers.shareNetworks);
  addKind(informers.shareServers);
  addKind(informers.shares);
  addKind(informers.shareAccesses);
  const backends = () => (isLeading() ? informers.storageBackends.cache.list() : []);
  const networks = () => (isLeading() ? informers.shareNetworks.cache.list() : []);

  new Gauge({
    name: 'sharenet_objects',
    help: 'Number of objects by kind and phase; kinds without a phase count as Ready or NotReady.',
    labelNames: ['kind', 'phase'],
    registers,
    collect() {
      this.reset();
      for (const [kind, list] of kinds) {
        for (const object of list()) this.inc({ kind, phase: object.status?.phase ?? readiness(object) });
      }
    },
  });
  new Gauge({
    name: 'sharenet_unhealthy_objects',
    help: 'Number of objects with a problem for a minute or longer, by kind, condition and reason.',
    labelNames: ['kind', 'condition', 'reason'],
    registers,
    collect() {
      this.reset();
      for (const [kind, list] of kinds) {
        for (const object of list()) {
          for (const { condition, reason } of complaintsOf(kind, object, now())) this.inc({ kind, condition, reason });
        }
      }
    },
  });
  new Gauge({
    name: 'sharenet_unhealthy_since_timestamp_seconds',
    help: 'Last transition time of the condition of an object with a problem (Unix seconds); at most 500 series of a kind.',
    labelNames: ['kind', 'namespace', 'name', 'phase', 'condition', 'reason'],
    registers,
    collect() {
      this.reset();
      for (const [kind, list] of kinds) {
        const complaints = list().flatMap((object) => complaintsOf(kind, object, now()));
        for (const { since, ...labels } of withOwnSeries(complaints)) this.set(labels, since / 1000);
      }
    },
  });
  new Gauge({
    name: 'sharenet_network_change_started_timestamp_seconds',
    help: 'Start time of the change of security services in progress (Unix seconds).',
    labelNames: ['namespace', 'name'],
    registers,
    collect() {
      this.reset();
      for (const { metadata, status } of networks()) {
        if (status?.networkChange === undefined) continue;
        const { namespace = '', name } = metadata;
        this.set({ namespace, name }, Date.parse(status.networkChange.startedTime) / 1000);
      }
    },
  });
  new Gauge({
    name: 'sharenet_network_change_servers_left',
    help: 'Number of share servers that have not finished the change in progress.',
    labelNames: ['namespace', 'name'],
    registers,
    collect() {
      this.reset();
      for (const { metadata, status } of networks()) {
        const { namespace = '', name } = metadata;
        const { networkChange } = status ?? {};
        if (networkChange === undefined) continue;
        const servers = namespaceView({ informers }, namespace).serversOf(name);
        const left = servers.filter((server) => server.status?.networkChange?.id === networkChange.id);
        this.set({ namespace, name }, left.length);
      }
    },
  });
  for (const part of ['total', 'available'] as const) {
    new Gauge({
      name: `sharenet_backend_${part}_bytes`,
      help: `The ${part} space on a backend in bytes, as its storage system says; absent where it does not say.`,
      labelNames: ['backend'],
      registers,
      collect() {
        this.reset();
        for (const { metadata, status } of backends()) {
          const bytes = parseQuantity(status?.capacity?.[part] ?? '');
          if (bytes !== undefined) this.set({ backend: metadata.name }, bytes);
        }
      },
    });
  }
  new Gauge({
    name: 'sharenet_backend_calls_suspended',
    help: '1 for each backend whose driver calls are suspended because the last probe failed, else 0.',
    labelNames: ['backend'],
    registers,
    collect() {
      this.reset();
      for (const backend of backends())
        this.set({ backend: backend.metadata.name }, backend.status?.callsSuspended === true ? 1 : 0);
    },
  });
}

function readiness(object: WithStatus): string {
  return isReady(object) ? 'Ready' : 'NotReady';
}
