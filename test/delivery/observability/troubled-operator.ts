import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findCondition } from '../../../src/api/v1alpha1/conditions.ts';
import {
  securityServices,
  shareAccesses,
  shareNetworks,
  shareServers,
  shares,
  storageBackends,
} from '../../../src/api/v1alpha1/resource-types.ts';
import type { ShareServer } from '../../../src/api/v1alpha1/share-server.ts';
import type { StorageBackendSpec } from '../../../src/api/v1alpha1/storage-backend.ts';
import type { WithStatus } from '../../../src/controllers/metrics/unhealthy-objects.ts';
import type { ResourceType } from '../../../src/runtime/kube-object.ts';
import { eventually } from '../../faults/eventually.ts';
import { startWithWebhook, webhookCluster } from '../../integration/admission/webhook.ts';
import { access, activeDirectory, backend, network, passwordSecret, share } from '../../integration/manifests.ts';
import type { OperatorProcess } from '../../integration/operator-process.ts';
import type { TestCluster } from '../../integration/test-cluster.ts';
import type { Scrape } from './recorded-metrics.ts';

const spec: Partial<StorageBackendSpec> = { operationTimeout: '2s', maxSharesPerShareServer: 1 };
const day = 24 * 3600_000;
const kinds: readonly ResourceType<WithStatus>[] = [
  storageBackends,
  securityServices,
  shareNetworks,
  shareServers,
  shares,
  shareAccesses,
];

/** An operator on a real API server, first with all in order, then with everything wrong that alerts are about. */
export class TroubledOperator {
  readonly cluster: TestCluster;
  readonly operator: OperatorProcess;
  readonly namespace: string;

  private constructor(cluster: TestCluster, operator: OperatorProcess, namespace: string) {
    this.cluster = cluster;
    this.operator = operator;
    this.namespace = namespace;
  }

  /** Starts it, with shares on four networks, and two backends, all in order. */
  static async start(): Promise<TroubledOperator> {
    const cluster = await webhookCluster();
    const { operator } = await startWithWebhook(cluster, '--leader-elect');
    const namespace = await cluster.namespace();
    const troubled = new TroubledOperator(cluster, operator, namespace);
    await cluster.apply(
      troubled.#backend('main', []),
      troubled.#backend('shaky', []),
      ...['ad-a', 'ad-b', 'ad-c', 'ad-bad'].flatMap((name) => [
        passwordSecret(namespace, `${name}-password`, `password-of-${name}`),
        activeDirectory(namespace, name),
      ]),
      troubled.#network('calm', 'ad-a'),
      troubled.#network('changing', 'ad-a'),
      troubled.#network('rotated', 'ad-c'),
      troubled.#narrowNetwork(),
    );
    await cluster.apply(
      troubled.#share('s-calm', 'calm'),
      troubled.#share('s-changing', 'changing'),
      troubled.#share('s-rotated', 'rotated'),
      troubled.#share('s-narrow', 'narrow'),
      access(namespace, 'alice', 's-calm'),
    );
    for (const name of ['s-calm', 's-changing', 's-rotated', 's-narrow']) {
      await cluster.until(shares, { namespace, name }, 'available', ({ status }) => status?.phase === 'available');
    }
    await cluster.until(
      shareAccesses,
      { namespace, name: 'alice' },
      'active',
      ({ status }) => status?.phase === 'active',
    );
    // Also a change that ended.
    await cluster.apply(troubled.#network('calm', 'ad-b'));
    await cluster.until(
      shareNetworks,
      { namespace, name: 'calm' },
      'changed',
      ({ status }) => status?.lastNetworkChange?.result === 'Succeeded',
    );
    // What is stored is in the operator's own cache some moments later.
    await eventually(
      'the operator tells that the change ended',
      async () => !/^sharenet_network_change_started_timestamp_seconds\{/m.test(await operator.metrics()),
    );
    return troubled;
  }

  /** Has everything go wrong; ends when all of it is reported. */
  async trouble(): Promise<void> {
    const { cluster, namespace } = this;
    await this.#examineWithoutTrust('calm');
    for (let round = 1; round <= 6; round++) {
      const token = `round-${round}`;
      await cluster.kubectl(
        'annotate',
        '--overwrite',
        '-n',
        namespace,
        'share/s-calm',
        `sharenet.io/reconcile-requested-at=${token}`,
      );
      const handled = ({ status }: { status?: { lastHandledReconcileAt?: string } }) =>
        status?.lastHandledReconcileAt === token;
      await cluster.until(shares, { namespace, name: 's-calm' }, 'recovered', handled);
    }
    // Nearly all that the dummy storage system has.
    await cluster.apply(share(namespace, 's-huge', { shareNetworkName: 'calm', backendName: 'main', size: '950Ti' }));
    await cluster.until(
      shares,
      { namespace, name: 's-huge' },
      'available',
      ({ status }) => status?.phase === 'available',
    );
    await cluster.apply(
      this.#backend('main', [
        { operation: 'updateShareServerSecurityService', kind: 'hang', message: 'ignore-abort' },
        { operation: 'setupServer', kind: 'rejected', match: { securityService: 'ad-bad' } },
      ]),
      this.#backend('shaky', [{ operation: 'getCapabilities', kind: 'unavailable' }]),
      passwordSecret(namespace, 'ad-c-password', 'another password'),
    );
    await cluster.until(storageBackends, { name: 'shaky' }, 'not ready', (stored) => readyIs(stored, 'False'));
    await cluster.until(
      storageBackends,
      { name: 'main' },
      'with its faults',
      (stored) => stored.status?.observedGeneration === stored.metadata.generation,
    );
    await cluster.apply(
      this.#network('changing', 'ad-b'),
      this.#network('bad', 'ad-bad'),
      this.#share('s-bad', 'bad'),
      this.#share('s-narrow-too', 'narrow'),
      access(namespace, 'admin', 's-calm'),
    );
    await cluster.until(
      shareAccesses,
      { namespace, name: 'admin' },
      'in error',
      ({ status }) => status?.phase === 'error',
    );
    await eventually('a server without an address', () => this.#serverWaits('narrow', 'AddressesExhausted'));
    await cluster.client.delete(shareNetworks, { namespace, name: 'narrow' });
  }

  /**
   * Reads the metrics, as they are when all that is wrong has been so for two hours: the operator keeps the times that it finds.
   * Ends when each of the given series is there.
   */
  async scrapeAged(wanted: readonly RegExp[]): Promise<Scrape> {
    let missing: readonly RegExp[] = wanted;
    let scrape: Scrape = { text: '', time: 0 };
    try {
      await eventually('all that is wrong is reported', async () => {
        await this.#age();
        scrape = await this.scrape();
        missing = wanted.filter((pattern) => !pattern.test(scrape.text));
        return missing.length === 0;
      });
    } catch {
      const told = scrape.text.split('\n').filter((line) => line.startsWith('sharenet_'));
      throw new Error(`never told: ${missing.join(', ')} in\n${told.join('\n')}`);
    }
    return scrape;
  }

  async scrape(): Promise<Scrape> {
    return { text: await this.operator.metrics(), time: Date.now() / 1000 };
  }

  async stop(): Promise<void> {
    await this.cluster.stop();
  }

  #backend(name: string, faults: NonNullable<NonNullable<StorageBackendSpec['dummy']>['faults']>) {
    return backend(name, { stateDirectory: this.cluster.stateDirectory, faults }, spec);
  }

  #network(name: string, service: string) {
    return network(this.namespace, name, [{ type: 'active_directory', name: service }]);
  }

  /** With one address. */
  #narrowNetwork() {
    const subnet = { name: 'default', networkType: 'flat', cidr: '10.30.0.0/24' } as const;
    return network(this.namespace, 'narrow', [], {
      subnets: [{ ...subnet, allocationRanges: ['10.30.0.9-10.30.0.9'] }],
    });
  }

  #share(name: string, shareNetworkName: string) {
    return share(this.namespace, name, { shareNetworkName, backendName: 'main' });
  }

  async #serversOf(networkName: string): Promise<readonly ShareServer[]> {
    const { items } = await this.cluster.client.list(shareServers, { namespace: this.namespace });
    return items.filter((server) => server.spec.shareNetworkName === networkName);
  }

  async #serverWaits(networkName: string, reason: string): Promise<boolean> {
    const servers = await this.#serversOf(networkName);
    return servers.some(({ status }) => findCondition(status?.conditions, 'Ready')?.reason === reason);
  }

  /** Has the storage system say of a server that its domain does not accept it, and that its credentials expire. */
  async #examineWithoutTrust(networkName: string): Promise<void> {
    const { cluster, namespace } = this;
    const directory = join(cluster.stateDirectory, 'backends', 'main', 'servers');
    const [server] = await this.#serversOf(networkName);
    for (const file of await readdir(directory)) {
      const document = JSON.parse(await readFile(join(directory, file), 'utf8'));
      if (document.name !== server?.metadata.name) continue;
      const told = {
        unhealthyReason: 'no domain controller answers',
        unhealthyCode: 'DomainTrustLost',
        credentialsExpireTime: new Date(Date.now() + 3 * day).toISOString(),
      };
      await writeFile(join(directory, file), JSON.stringify({ ...document, ...told }));
    }
    await cluster.kubectl(
      'annotate',
      '-n',
      namespace,
      `shareserver/${server?.metadata.name}`,
      'sharenet.io/reconcile-requested-at=now',
    );
    await eventually('not well', () => this.#serverWaits(networkName, 'ShareServerUnhealthy'));
  }

  /** Moves the times of all conditions two hours back. */
  async #age(): Promise<void> {
    const { client } = this.cluster;
    const before = Date.now() - 3600_000;
    const lastTransitionTime = `${new Date(Date.now() - 2 * 3600_000).toISOString().slice(0, 19)}Z`;
    for (const type of kinds) {
      for (const { metadata, status } of (await client.list(type, {})).items) {
        const conditions = status?.conditions ?? [];
        if (conditions.every((condition) => Date.parse(condition.lastTransitionTime) < before)) continue;
        const { resourceVersion, name, namespace } = metadata;
        const aged = conditions.map((condition) => ({ ...condition, lastTransitionTime }));
        const key = namespace === undefined ? { name } : { namespace, name };
        await client
          .mergePatch(
            type,
            key,
            { metadata: { resourceVersion }, status: { conditions: aged } },
            { subresource: 'status' },
          )
          // The operator wrote meanwhile: the next round has it.
          .catch(() => undefined);
      }
    }
  }
}

function readyIs(
  { status }: { readonly status?: { readonly conditions?: Parameters<typeof findCondition>[0] } },
  wanted: string,
): boolean {
  return findCondition(status?.conditions, 'Ready')?.status === wanted;
}
