import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { Condition } from '../api/v1alpha1/conditions.ts';
import type { ShareNetwork } from '../api/v1alpha1/share-network.ts';
import type { Informers } from '../cluster-state/informers.ts';
import type { Clock } from '../runtime/clock.ts';
import { findCondition } from '../runtime/conditions.ts';
import type { Informer } from '../runtime/informer.ts';
import type { KubeObject } from '../runtime/kube-object.ts';

/** The parts of a status that the figures are made of. */
interface WithStatus extends KubeObject {
  readonly status?: {
    readonly phase?: string;
    readonly observedGeneration?: number;
    readonly conditions?: readonly Condition[];
  };
}

/** What the operator tells about its objects and its work on them, beside the runtime's own figures. */
export class OperatorMetrics {
  readonly #clock: Clock;
  readonly #timeToReady: Histogram<'kind'>;
  readonly #changeDuration: Histogram<'result'>;
  readonly #recoveries: Counter<'result'>;
  /** UIDs of objects that were seen from their beginning and have not been ready yet. */
  readonly #fresh = new Set<string>();
  #leading = false;

  constructor(registry: Registry, clock: Clock) {
    const registers = [registry];
    this.#clock = clock;
    this.#timeToReady = new Histogram({
      name: 'sharenet_time_to_ready_seconds',
      help: 'Time from the creation of an object until it was ready for the first time, by kind.',
      labelNames: ['kind'],
      buckets: [1, 2.5, 5, 10, 30, 60, 300, 600, 1800],
      registers,
    });
    this.#changeDuration = new Histogram({
      name: 'sharenet_network_change_duration_seconds',
      help: 'Duration of changes of security services of share networks in use, by result: Succeeded, Failed, Stopped, Reset.',
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
  }

  /** From now on what is seen is this process' work; another replica tells of what was before. */
  lead(): void {
    this.#leading = true;
  }

  /** A recovery of a share's access rules has ended. */
  recovered(result: 'succeeded' | 'failed'): void {
    this.#recoveries.inc({ result });
  }

  /** Follows the objects of all kinds. Their numbers are read from the caches when somebody asks. */
  follow(registry: Registry, informers: Informers): void {
    const { storageBackends, securityServices, shareNetworks, shareServers, shares, shareAccesses } = informers;
    const kinds = new Map<string, () => readonly WithStatus[]>();
    const followKind = <T extends WithStatus>(informer: Informer<T>): void => {
      kinds.set(informer.type.kind, () => informer.cache.list());
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
    new Gauge({
      name: 'sharenet_objects',
      help: 'Number of objects by kind and phase; kinds without a phase count as Ready or NotReady.',
      labelNames: ['kind', 'phase'],
      registers: [registry],
      collect() {
        this.reset();
        for (const [kind, list] of kinds) {
          for (const object of list()) this.inc({ kind, phase: object.status?.phase ?? readiness(object) });
        }
      },
    });
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

function isReady(object: WithStatus): boolean {
  return findCondition(object.status?.conditions, 'Ready')?.status === 'True';
}

function readiness(object: WithStatus): string {
  return isReady(object) ? 'Ready' : 'NotReady';
}
