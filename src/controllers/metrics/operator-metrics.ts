import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { isReady } from '../../api/v1alpha1/conditions.ts';
import type { ShareNetwork } from '../../api/v1alpha1/share-network.ts';
import type { Informers } from '../../cluster-state/informers.ts';
import type { ServerHealth } from '../../drivers/driver.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Informer } from '../../runtime/informer.ts';
import type { KubeObject } from '../../runtime/kube-object.ts';
import { keyOf } from '../../runtime/object-store.ts';
import { safeReason } from '../../values/safe-text.ts';
import { version } from '../../version.ts';
import { registerObjectGauges } from './object-gauges.ts';
import { RecentRecoveries } from './recent-recoveries.ts';
import type { WithStatus } from './unhealthy-objects.ts';

/** Credentials that expire later than this are not reported, in milliseconds. */
const soonMs = 30 * 24 * 3600_000;

/** Metrics of the operator's objects and its work on them, in addition to those of the runtime. */
export class OperatorMetrics {
  readonly #clock: Clock;
  readonly #timeToReady: Histogram<'kind'>;
  readonly #changeDuration: Histogram<'result'>;
  readonly #recoveries: Counter<'result'>;
  readonly #recent = new RecentRecoveries();
  /** The last examination of each share server, by `namespace/name`. */
  readonly #health = new Map<string, ServerHealth>();
  /** UIDs of objects whose creation was seen and that have not been ready yet. */
  readonly #fresh = new Set<string>();
  #leading = false;

  constructor(registry: Registry, clock: Clock) {
    const registers = [registry];
    this.#clock = clock;
    new Gauge({
      name: 'sharenet_build_info',
      help: '1, with the version of the operator.',
      labelNames: ['version'],
      registers,
    }).set({ version }, 1);
    this.#timeToReady = new Histogram({
      name: 'sharenet_time_to_ready_seconds',
      help: 'Seconds from the creation of an object until it was ready for the first time, by kind.',
      labelNames: ['kind'],
      buckets: [1, 2.5, 5, 10, 30, 60, 300, 600, 1800],
      registers,
    });
    this.#changeDuration = new Histogram({
      name: 'sharenet_network_change_duration_seconds',
      help: 'Duration of changes of security services in seconds, by result: Succeeded, Failed, Stopped, Reset.',
      labelNames: ['result'],
      buckets: [1, 2.5, 5, 10, 30, 60, 300, 600, 1800],
      registers,
    });
    this.#recoveries = new Counter({
      name: 'sharenet_access_recoveries_total',
      help: 'Recoveries of the access rules of a share, by result: succeeded or failed.',
      labelNames: ['result'],
      registers,
    });
    for (const result of ['succeeded', 'failed']) this.#recoveries.inc({ result }, 0);
    const repeated = () => this.#recent.repeated(clock.now());
    new Gauge({
      name: 'sharenet_access_recoveries_last_hour',
      help: 'Recoveries of the access rules of a share in the last hour, of shares that had three or more.',
      labelNames: ['namespace', 'name'],
      registers,
      collect() {
        this.reset();
        for (const [share, count] of repeated()) this.set(nameLabels(share), count);
      },
    });
    const health = this.#health;
    new Gauge({
      name: 'sharenet_share_server_unhealthy',
      help: '1 for each share server that its driver reports as unhealthy, with the reason.',
      labelNames: ['namespace', 'name', 'reason'],
      registers,
      collect() {
        this.reset();
        for (const [server, { exists, healthy, code = '' }] of health) {
          const reason = exists ? safeReason(code, 'ShareServerUnhealthy') : 'ShareServerLost';
          if (!healthy) this.set({ ...nameLabels(server), reason }, 1);
        }
      },
    });
    new Gauge({
      name: 'sharenet_share_server_credentials_expiry_timestamp_seconds',
      help: 'Expiry time of the directory credentials of a share server (Unix seconds), if within 30 days.',
      labelNames: ['namespace', 'name'],
      registers,
      collect() {
        this.reset();
        for (const [server, { credentialsExpireTime = '' }] of health) {
          const expires = Date.parse(credentialsExpireTime);
          if (expires < clock.now() + soonMs) this.set(nameLabels(server), expires / 1000);
        }
      },
    });
  }

  /** From now on this process is the leader: it reports what happens. */
  lead(): void {
    this.#leading = true;
  }

  /** A recovery of a share's access rules has ended. */
  recovered(share: KubeObject, result: 'succeeded' | 'failed'): void {
    this.#recoveries.inc({ result });
    this.#recent.add(keyOf(share.metadata), this.#clock.now());
  }

  /** A share server was examined. */
  examined(server: KubeObject, health: ServerHealth): void {
    this.#health.set(keyOf(server.metadata), health);
  }

  /** Follows the objects of all kinds. Gauges of objects are read from the caches at each scrape. */
  follow(registry: Registry, informers: Informers): void {
    const { storageBackends, securityServices, shareNetworks, shareServers, shares, shareAccesses } = informers;
    const followKind = <T extends WithStatus>(informer: Informer<T>): void => {
      informer.onEvent(({ type, object, initial }) => {
        const uid = object.metadata.uid ?? '';
        if (type === 'deleted') this.#fresh.delete(uid);
        else if (type === 'added' && (!initial || object.status?.observedGeneration === -1)) this.#fresh.add(uid);
        else if (isReady(object)) this.#becameReady(informer.type.kind, uid, object);
      });
    };
    followKind(storageBackends);
    followKind(securityServices);
    followKind(shareNetworks);
    followKind(shareServers);
    followKind(shares);
    followKind(shareAccesses);
    shareNetworks.onEvent(({ type, object, previous }) => {
      if (type === 'modified') this.#changeEnded(object, previous);
    });
    shares.onEvent(({ type, object }) => {
      if (type === 'deleted') this.#recent.forget(keyOf(object.metadata));
    });
    shareServers.onEvent(({ type, object }) => {
      // The last examination does not apply to a server in error, or to a new one of the same name.
      if (type === 'deleted' || object.status?.phase !== 'active') this.#health.delete(keyOf(object.metadata));
    });
    registerObjectGauges(
      registry,
      informers,
      () => this.#leading,
      () => this.#clock.now(),
    );
  }

  #becameReady(kind: string, uid: string, object: WithStatus): void {
    if (!this.#fresh.delete(uid) || !this.#leading) return;
    const created = Date.parse(object.metadata.creationTimestamp ?? '');
    this.#timeToReady.observe({ kind }, Math.max(0, this.#clock.now() - created) / 1000);
  }

  #changeEnded({ status }: ShareNetwork, previous: ShareNetwork | undefined): void {
    const ended = status?.lastNetworkChange;
    if (!this.#leading || ended === undefined || ended.id === previous?.status?.lastNetworkChange?.id) return;
    const milliseconds = Date.parse(ended.finishedTime) - Date.parse(ended.startedTime);
    this.#changeDuration.observe({ result: ended.result }, Math.max(0, milliseconds) / 1000);
  }
}

/** Labels of an object's own series, from `namespace/name`. */
function nameLabels(key: string): { readonly namespace: string; readonly name: string } {
  const slash = key.indexOf('/');
  return { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}
