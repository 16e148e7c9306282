import { systemClock } from '../../src/runtime/clock.ts';
import { createInformer } from '../../src/runtime/informer.ts';
import type { KubeObject, ResourceType } from '../../src/runtime/kube-object.ts';
import { createLogger } from '../../src/runtime/logger.ts';
import type { TestCluster } from '../integration/test-cluster.ts';

const timeoutMs = 60_000;

/** Objects of a kind in a namespace as a watch tells of them: it sees a change at once, and asks nothing of the API server. */
export class Watched<T extends KubeObject> {
  readonly #stop = new AbortController();
  readonly #latest = new Map<string, T>();
  readonly #look = new Set<() => void>();

  private constructor(cluster: TestCluster, type: ResourceType<T>, namespace: string) {
    const logger = createLogger({ level: 'silent', format: 'json' });
    const dependencies = { logger, clock: systemClock, random: Math.random };
    const informer = createInformer(cluster.client, { type, namespaces: [namespace] }, dependencies);
    informer.onEvent(({ type: what, object }) => {
      if (what === 'deleted') this.#latest.delete(object.metadata.name);
      else this.#latest.set(object.metadata.name, object);
      for (const look of this.#look) look();
    });
    informer.start(this.#stop.signal);
    this.synced = informer.whenSynced(this.#stop.signal);
  }

  /** Resolves when the watch is under way. */
  readonly synced: Promise<void>;

  static async start<T extends KubeObject>(
    cluster: TestCluster,
    type: ResourceType<T>,
    namespace: string,
  ): Promise<Watched<T>> {
    const watched = new Watched(cluster, type, namespace);
    await watched.synced;
    return watched;
  }

  /** Waits until an object is as it should be; undefined is one that is not there. @throws when that takes a minute */
  async until(name: string, holds: (object: T | undefined) => boolean): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const look = (): void => {
      if (holds(this.#latest.get(name))) resolve();
    };
    const late = (): void => reject(new Error(`${name} is still ${JSON.stringify(this.#latest.get(name))}`));
    const timer = setTimeout(late, timeoutMs);
    this.#look.add(look);
    look();
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      this.#look.delete(look);
    }
  }

  /** Waits until there is none. @throws when that takes a minute */
  async untilNone(): Promise<void> {
    await this.until('', () => this.#latest.size === 0);
  }

  stop(): void {
    this.#stop.abort();
  }
}
