import { shareAccesses, shares } from '../../src/api/v1alpha1/resource-types.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { createInformer } from '../../src/runtime/informer.ts';
import type { KubeObject, ResourceType } from '../../src/runtime/kube-object.ts';
import { createLogger } from '../../src/runtime/logger.ts';
import { eventually } from '../faults/eventually.ts';
import { access, share } from '../integration/manifests.ts';
import type { OperatorProcess } from '../integration/operator-process.ts';
import type { TestCluster } from '../integration/test-cluster.ts';
import { read } from './measure.ts';

const settleMs = 1500;

/** Runs work on items, `width` at once. */
export async function parallel<T>(
  items: readonly T[],
  width: number,
  work: (item: T) => Promise<unknown>,
): Promise<void> {
  const queue = [...items];
  await Promise.all(
    Array.from({ length: width }, async () => {
      for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item);
    }),
  );
}

/** The numbers from 0 on. */
export function numbers(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => index);
}

/** A keyed rule; an id is one tenant's on a backend, so each namespace has its own. */
export function rule(namespace: string, name: string, shareName: string) {
  return access(namespace, name, shareName, { accessTo: `${namespace}-${name}` });
}

/** Makes objects, eight at once. */
export async function create<T extends KubeObject>(cluster: TestCluster, type: ResourceType<T>, objects: readonly T[]) {
  await parallel(objects, 8, (object) => cluster.client.create(type, object));
}

/** Waits until the operator makes no more requests. */
export async function quiet(operator: OperatorProcess): Promise<void> {
  let last = -1;
  await eventually(
    'no more requests',
    async () => {
      const { requests } = await read(operator);
      const sum = [...requests.values()].reduce((total, count) => total + count, 0);
      const still = sum === last;
      last = sum;
      if (!still) await new Promise((resolve) => setTimeout(resolve, settleMs));
      return still;
    },
    120_000,
  );
}

/**
 * Milliseconds until all rules of a namespace are active. Seen by a watch: lists of a thousand objects, again and again, would
 * take the API server from what is measured.
 */
export async function untilActive(
  cluster: TestCluster,
  namespace: string,
  count: number,
  from: number,
): Promise<number> {
  const stop = new AbortController();
  const logger = createLogger({ level: 'silent', format: 'json' });
  const informer = createInformer(
    cluster.client,
    { type: shareAccesses, namespaces: [namespace] },
    { logger, clock: systemClock, random: Math.random },
  );
  try {
    return await new Promise<number>((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`not all of ${count} rules are active after 120 s`)), 120_000);
      let active = 0;
      informer.onEvent(({ object, previous }) => {
        active += Number(object.status?.phase === 'active') - Number(previous?.status?.phase === 'active');
        if (active < count) return;
        clearTimeout(late);
        resolve(performance.now() - from);
      });
      informer.start(stop.signal);
    });
  } finally {
    stop.abort();
  }
}

/** Makes shares `share-0`, `share-1`, ... and waits until they are available. */
export async function shareWithBackend(
  cluster: TestCluster,
  namespace: string,
  backendName: string,
  count: number,
  size = '1Gi',
) {
  const objects = numbers(count).map((n) => share(namespace, `share-${n}`, { backendName, size }));
  await create(cluster, shares, objects);
  for (const { metadata } of objects) {
    await cluster.until(
      shares,
      { namespace, name: metadata.name },
      'available',
      ({ status }) => status?.phase === 'available',
      120_000,
    );
  }
}
