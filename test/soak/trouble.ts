import type { DummyFault } from '../../src/drivers/dummy/config.ts';
import type { ApiProxy, Passage } from '../integration/crash/api-proxy.ts';
import { backend } from '../integration/manifests.ts';
import type { TestCluster } from '../integration/test-cluster.ts';
import type { Replica } from './replica.ts';

/** What the operators meet with. */
export interface Surroundings {
  readonly cluster: TestCluster;
  readonly proxy: ApiProxy;
  readonly replicas: readonly Replica[];
  readonly random: () => number;
}

const refusals: readonly Passage[] = [
  { status: 500 },
  { status: 503, retryAfter: '1' },
  { status: 429, retryAfter: '1' },
  { status: 409 },
  'cut',
  'cut-answer',
];

const faults: readonly DummyFault[] = [
  { operation: 'updateAccess', kind: 'unavailable', message: 'the storage system restarts' },
  { operation: 'updateShareServerSecurityService', kind: 'unavailable', message: 'the domain controller is away' },
  { operation: 'createShare', kind: 'unavailable', message: 'no space just now' },
];

/** The backend of all tenants, with faults. */
export function soakBackend(cluster: TestCluster, some: readonly DummyFault[] = []) {
  const dummy = { stateDirectory: cluster.stateDirectory, latency: '20ms', faults: some };
  return backend('dummy', dummy, {
    maxSharesPerShareServer: 2,
    maxConcurrentOperations: 20,
    unusedShareServerTimeout: '30s',
  });
}

/** Troubles by name; each lasts until {@link calm}. */
export const troubles: Readonly<Record<string, (where: Surroundings) => Promise<void>>> = {
  'watches cut': async ({ proxy }) => proxy.cutWatches(),
  'API server in trouble': async ({ proxy, random }) => {
    const passage = refusals[Math.floor(random() * refusals.length)] ?? 'cut';
    proxy.decide = ({ isWatch }) => (!isWatch && random() < 0.2 ? passage : 'pass');
  },
  'storage system in trouble': async ({ cluster, random }) => {
    const fault = faults[Math.floor(random() * faults.length)];
    await cluster.apply(soakBackend(cluster, fault === undefined ? [] : [fault]));
  },
  'operator killed': async ({ replicas, random }) => {
    await replicas[Math.floor(random() * replicas.length)]?.replace();
  },
};

/** Ends every trouble. */
export async function calm({ cluster, proxy }: Surroundings): Promise<void> {
  proxy.decide = () => 'pass';
  await cluster.apply(soakBackend(cluster));
  await cluster.untilConfigured('dummy', 120_000);
}
