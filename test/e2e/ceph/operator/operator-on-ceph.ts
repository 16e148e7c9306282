import { z } from 'zod';
import { shares, storageBackends } from '../../../../src/api/v1alpha1/resource-types.ts';
import type { Share, ShareSpec } from '../../../../src/api/v1alpha1/share.ts';
import type { StorageBackend } from '../../../../src/api/v1alpha1/storage-backend.ts';
import { operatorCapabilities } from '../../../../src/drivers/cephfs/login/operator-capabilities.ts';
import type { OperatorProcess } from '../../../integration/operator-process.ts';
import { conditionOf, Tenant } from '../../../integration/tenant.ts';
import { TestCluster } from '../../../integration/test-cluster.ts';
import { type CephLab, startCeph } from '../../../labs/ceph/ceph-lab.ts';
import { CephFSClient, type CephFSMount } from '../../../labs/ceph/cephfs-client.ts';
import { type CephUser, readCephUser } from '../ceph-user.ts';
import { cephBackend, cephCredentials, operatorCephUser } from './ceph-backend.ts';
import { mountOf } from './mount-of.ts';

const entitiesSchema = z.object({ auth_dump: z.array(z.object({ entity: z.string() })) });

/**
 * A real Ceph cluster and a real control plane with an operator process under the shipped roles, whose backend `ceph` logs in as
 * the least privileged Ceph user that the documentation allows. Each tenant also has a backend of the dummy driver, which nothing
 * on Ceph may touch.
 */
export class OperatorOnCeph {
  /** Name of the StorageBackend on Ceph. */
  readonly backendName = 'ceph';
  readonly lab: CephLab;
  readonly cluster: TestCluster;
  /** The operator that was started with the rest. */
  readonly operator: OperatorProcess;
  readonly #clients = new Map<CephFSClient, string>();
  #firstTenant: Tenant | undefined;

  private constructor(lab: CephLab, cluster: TestCluster, operator: OperatorProcess) {
    this.lab = lab;
    this.cluster = cluster;
    this.operator = operator;
  }

  /** Starts all of it; returns when the backend is ready. */
  static async start(): Promise<OperatorOnCeph> {
    const [lab, cluster] = await startBoth();
    try {
      const key = await lab.createUser(operatorCephUser, operatorCapabilities);
      const operator = await cluster.startOperator();
      const started = new OperatorOnCeph(lab, cluster, operator);
      await cluster.apply(cephCredentials('ceph', key), cephBackend(started.backendName, lab));
      await started.untilBackend(started.backendName, 'True/Available');
      return started;
    } catch (error) {
      await Promise.allSettled([lab.stop(), cluster.stop()]);
      throw error;
    }
  }

  /** A namespace of its own. */
  async tenant(): Promise<Tenant> {
    if (this.#firstTenant !== undefined) return await this.#firstTenant.neighbour();
    this.#firstTenant = await Tenant.make(this.cluster);
    return this.#firstTenant;
  }

  /** Makes shares on Ceph with kubectl and waits until they are available. */
  async makeShares(tenant: Tenant, names: readonly string[], spec: Partial<ShareSpec> = {}): Promise<void> {
    await tenant.makeShares(names, { backendName: this.backendName, size: '16Mi', ...spec });
  }

  /** Waits until a backend's Ready condition is this, `Status/Reason`, for its present spec. */
  async untilBackend(name: string, ready: string, timeoutMs = 30_000): Promise<StorageBackend> {
    return await this.cluster.until(
      storageBackends,
      { name },
      ready,
      (backend) =>
        conditionOf(backend, 'Ready') === ready && backend.status?.observedGeneration === backend.metadata.generation,
      timeoutMs,
    );
  }

  async share({ namespace }: Tenant, name: string): Promise<Share> {
    return await this.cluster.client.get(shares, { namespace, name });
  }

  /** What a user knows who may read the Share and the rule's Secret, and nothing else. @throws when there is none of it */
  async mountOf(tenant: Tenant, rule: string, shareName: string): Promise<CephFSMount> {
    const secret = await tenant.secret(`${rule}-access-key`);
    if (secret === undefined) throw new Error(`there is no Secret ${rule}-access-key`);
    return mountOf(await this.share(tenant, shareName), secret);
  }

  /** Mounts as that user would. @param changes what is done otherwise */
  async mount(
    tenant: Tenant,
    rule: string,
    shareName: string,
    changes: Partial<CephFSMount> = {},
  ): Promise<CephFSClient> {
    return await this.mountWith({ ...(await this.mountOf(tenant, rule, shareName)), ...changes });
  }

  /** Mounts with what was known before; ended with {@link endClients}. @throws CephClientError when it is refused */
  async mountWith(mount: CephFSMount): Promise<CephFSClient> {
    const client = await CephFSClient.mount(mount);
    this.#clients.set(client, mount.user);
    return client;
  }

  /** Ends the clients of a test, and their sessions: the cluster would wait a minute for what those hold. */
  async endClients(): Promise<void> {
    await Promise.all([...this.#clients.keys()].map((client) => client.kill()));
    for (const user of new Set(this.#clients.values())) {
      await this.lab.succeed('mds.a', { prefix: 'session evict', filters: [`auth_name=${user}`] });
    }
    this.#clients.clear();
  }

  /** A user of Ceph, past the operator; undefined when there is none. */
  async cephUser(name: string): Promise<CephUser | undefined> {
    return await readCephUser(this.lab, name);
  }

  /** Names of all users of Ceph that are clients. */
  async cephUsers(): Promise<readonly string[]> {
    const output = await this.lab.succeed('mon', { prefix: 'auth ls', format: 'json' });
    const entities = entitiesSchema.parse(JSON.parse(output)).auth_dump.map(({ entity }) => entity);
    return entities.filter((entity) => entity.startsWith('client.')).map((entity) => entity.slice('client.'.length));
  }

  /** Names of the subvolumes in the backend's group. */
  async subvolumes(): Promise<readonly string[]> {
    const list = { prefix: 'fs subvolume ls', vol_name: this.lab.fileSystem, group_name: 'sharenet', format: 'json' };
    return z
      .array(z.object({ name: z.string() }))
      .parse(JSON.parse(await this.lab.succeed('mgr', list)))
      .map(({ name }) => name);
  }

  /** Ends everything. @throws when the operator was refused something that it has no right to */
  async stop(): Promise<void> {
    await this.endClients();
    try {
      await this.cluster.stop();
    } finally {
      await this.lab.stop();
    }
  }
}

async function startBoth(): Promise<[CephLab, TestCluster]> {
  const [lab, cluster] = await Promise.allSettled([startCeph(), TestCluster.start()]);
  if (lab.status === 'fulfilled' && cluster.status === 'fulfilled') return [lab.value, cluster.value];
  // What has started must not outlive what has not.
  if (lab.status === 'fulfilled') await lab.value.stop();
  if (cluster.status === 'fulfilled') await cluster.value.stop();
  throw [lab, cluster].find((result) => result.status === 'rejected')?.reason;
}
