import type { AccessLevel } from '../../../../src/api/v1alpha1/backend-capabilities.ts';
import {
  apiVersion,
  shareAccesses,
  shareNetworks,
  shareServers,
  shares,
  storageBackends,
} from '../../../../src/api/v1alpha1/resource-types.ts';
import type { Share } from '../../../../src/api/v1alpha1/share.ts';
import type { ShareAccess } from '../../../../src/api/v1alpha1/share-access.ts';
import type { ShareNetwork, ShareNetworkSpec } from '../../../../src/api/v1alpha1/share-network.ts';
import type { ShareServer } from '../../../../src/api/v1alpha1/share-server.ts';
import type { StorageBackendSpec } from '../../../../src/api/v1alpha1/storage-backend.ts';
import { access, activeDirectory, network, passwordSecret, share } from '../../../integration/manifests.ts';
import type { OperatorProcess } from '../../../integration/operator-process.ts';
import { TestCluster } from '../../../integration/test-cluster.ts';
import { type ActiveDirectoryLab, startActiveDirectory } from '../../../labs/ad/ad-lab.ts';
import type { TestDomain } from '../../../labs/ad/domain.ts';
import type { SambaClient, SambaLogin, SambaSession } from '../../../labs/samba-host/samba-client.ts';
import { type SambaHostLab, startSambaHosts } from '../../../labs/samba-host/samba-host.ts';
import { credentialsOf, hostConfigOf } from '../driver/test-hosts.ts';

/** Joins take some seconds each, more of them at once on a small machine still more. */
const setUpMs = 180_000;

/** Where a tenant's shares are, and from where they are used. */
export interface Place {
  readonly cluster: TestCluster;
  readonly backendName: string;
  readonly client: SambaClient;
}

/** How a backend differs from the usual one: its spec, and what its spec says of each host. */
interface BackendChanges {
  readonly spec?: Partial<StorageBackendSpec>;
  readonly host?: { readonly root: string; readonly interface: string };
}

/** Makes a backend of a lab's hosts and waits until it is ready. */
export async function makeBackend(
  cluster: TestCluster,
  name: string,
  lab: SambaHostLab,
  { spec, host }: BackendChanges = {},
): Promise<void> {
  const credentialsSecretName = `${name}-ssh`;
  const labels = { 'sharenet.io/credentials': 'true' };
  await cluster.apply(
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { namespace: 'sharenet-system', name: credentialsSecretName, labels },
      stringData: credentialsOf(lab),
    },
    {
      apiVersion,
      kind: 'StorageBackend',
      metadata: { name },
      spec: {
        driver: 'samba',
        maxSharesPerShareServer: 1,
        samba: { hosts: lab.hosts.map((each) => ({ ...hostConfigOf(each), ...host })), credentialsSecretName },
        ...spec,
      },
    },
  );
  await cluster.until(storageBackends, { name }, 'ready', ({ status }) => isReady(status?.conditions));
}

/** Two domains, file server hosts, and a cluster with an operator whose only backend they are. */
export class Stage implements Place {
  readonly backendName = 'filers';
  readonly cluster: TestCluster;
  readonly directories: ActiveDirectoryLab;
  readonly hosts: SambaHostLab;
  readonly operator: OperatorProcess;

  private constructor(
    cluster: TestCluster,
    operator: OperatorProcess,
    directories: ActiveDirectoryLab,
    hosts: SambaHostLab,
  ) {
    this.cluster = cluster;
    this.operator = operator;
    this.directories = directories;
    this.hosts = hosts;
  }

  /** @param spec of the backend, besides its driver */
  static async open(spec: Partial<StorageBackendSpec> = {}): Promise<Stage> {
    const directories = await startActiveDirectory();
    const hosts = await startSambaHosts({ segment: directories.segment, hosts: 2 });
    const cluster = await TestCluster.start();
    const stage = new Stage(cluster, await cluster.startOperator(), directories, hosts);
    await makeBackend(cluster, stage.backendName, hosts, { spec });
    return stage;
  }

  get client(): SambaClient {
    return this.hosts.client;
  }

  /** A tenant with a service for each domain, a network that refers to that of domain a, and so many shares. */
  async tenant(count: number, networkSpec: Partial<ShareNetworkSpec> = {}): Promise<TenantStage> {
    const tenant = new TenantStage(this, await this.cluster.namespace(), networkSpec);
    const { a, b } = this.directories;
    await this.cluster.apply(...tenant.service('ad-a', a), ...tenant.service('ad-b', b));
    await tenant.refer('ad-a');
    const names = Array.from({ length: count }, (_, index) => `share-${index}`);
    await this.cluster.apply(...names.map((name) => tenant.shareManifest(name)));
    for (const name of names) await tenant.share(name);
    return tenant;
  }

  /** Whether a share server is on its way into a domain. */
  async isJoining(): Promise<boolean> {
    const joining = await Promise.all(
      this.hosts.hosts.map(({ machine, root }) =>
        machine.run(['grep', '--recursive', '--quiet', '--include=state.json', '"joining": {', `${root}/servers`]),
      ),
    );
    return joining.some(({ code }) => code === 0);
  }

  async close(): Promise<void> {
    try {
      await this.cluster.stop();
    } finally {
      await this.hosts.stop();
      await this.directories.stop();
    }
  }
}

/** What one tenant has and does. */
export class TenantStage {
  readonly namespace: string;
  readonly #place: Place;
  readonly #networkSpec: Partial<ShareNetworkSpec>;

  constructor(place: Place, namespace: string, networkSpec: Partial<ShareNetworkSpec>) {
    this.#place = place;
    this.namespace = namespace;
    this.#networkSpec = networkSpec;
  }

  /** Manifests of a security service and its Secret. */
  service(name: string, domain: TestDomain, password = domain.password('joiner')): readonly object[] {
    return [
      passwordSecret(this.namespace, `${name}-password`, password),
      activeDirectory(this.namespace, name, {
        dnsIPs: [domain.address],
        domain: domain.name,
        user: 'joiner',
        ou: 'OU=Servers',
      }),
    ];
  }

  shareManifest(name: string): Share {
    const { backendName } = this.#place;
    return share(this.namespace, name, { protocol: 'CIFS', size: '64Mi', shareNetworkName: 'net', backendName });
  }

  /** Refers the network to another service. */
  async refer(service: string): Promise<void> {
    const subnet = {
      name: 'default',
      networkType: 'flat',
      cidr: '10.77.0.0/24',
      allocationRanges: ['10.77.0.100-10.77.0.199'],
    } as const;
    await this.#place.cluster.apply(
      network(this.namespace, 'net', [{ type: 'active_directory', name: service }], {
        subnets: [subnet],
        ...this.#networkSpec,
      }),
    );
  }

  /** Applies a rule and waits until it is in force. */
  async allow(shareName: string, user: string, level: AccessLevel = 'rw'): Promise<void> {
    await this.request(shareName, user, level);
    const inForce = ({ status }: ShareAccess) => status?.phase === 'active' && status.accessLevel === level;
    await this.rule(shareName, user, `active as ${level}`, inForce);
  }

  /** Applies a rule. */
  async request(shareName: string, user: string, accessLevel: AccessLevel = 'rw'): Promise<void> {
    const spec = { accessType: 'user', accessTo: user, accessLevel } as const;
    await this.#place.cluster.apply(access(this.namespace, `${shareName}-${user}`, shareName, spec));
  }

  async annotate(key: string, value: string): Promise<void> {
    await this.#place.cluster.kubectl(
      'annotate',
      '--overwrite',
      `--namespace=${this.namespace}`,
      'shnet',
      'net',
      `${key}=${value}`,
    );
  }

  async rule(
    shareName: string,
    user: string,
    what: string,
    holds: (rule: ShareAccess) => boolean,
  ): Promise<ShareAccess> {
    const name = { namespace: this.namespace, name: `${shareName}-${user}` };
    return await this.#place.cluster.until(shareAccesses, name, what, holds, 60_000);
  }

  /** The share, once it is available. */
  async share(name: string): Promise<Share> {
    return await this.#place.cluster.until(
      shares,
      { namespace: this.namespace, name },
      'available',
      ({ status }) => status?.phase === 'available',
      setUpMs,
    );
  }

  async network(what: string, holds: (network: ShareNetwork) => boolean): Promise<ShareNetwork> {
    return await this.#place.cluster.until(
      shareNetworks,
      { namespace: this.namespace, name: 'net' },
      what,
      holds,
      setUpMs,
    );
  }

  /** Waits until a change has ended; `not` is the one before. */
  async changed(result: string, not?: string): Promise<ShareNetwork> {
    return await this.network(
      `change ${result}`,
      ({ status }) =>
        status?.phase === 'active' &&
        status.lastNetworkChange?.result === result &&
        status.lastNetworkChange.id !== not,
    );
  }

  async servers(): Promise<readonly ShareServer[]> {
    return (await this.#place.cluster.client.list(shareServers, { namespace: this.namespace })).items;
  }

  /** Has the operator ask how a share server is. @returns it as it stands then */
  async examined(name: string, token: string): Promise<ShareServer> {
    const request = `sharenet.io/reconcile-requested-at=${token}`;
    const { cluster } = this.#place;
    await cluster.kubectl('annotate', '--overwrite', `--namespace=${this.namespace}`, 'shareserver', name, request);
    return await cluster.until(
      shareServers,
      { namespace: this.namespace, name },
      'examined',
      ({ status }) => status?.lastHandledReconcileAt === token,
    );
  }

  /** Runs commands of smbclient on a share as a user of a domain. @returns what it printed, and whether it succeeded */
  async smbclient(
    shareName: string,
    domain: TestDomain,
    user: string,
    commands: string,
  ): Promise<{ readonly ok: boolean; readonly output: string }> {
    const result = await this.#place.client.run(await this.login(shareName, domain, user), commands);
    return { ok: result.code === 0, output: `${result.stdout}${result.stderr}` };
  }

  /** Opens a session on a share that stays. @throws when the login is refused */
  async connect(shareName: string, domain: TestDomain, user: string): Promise<SambaSession> {
    return await this.#place.client.connect(await this.login(shareName, domain, user));
  }

  async login(shareName: string, domain: TestDomain, user: string): Promise<SambaLogin> {
    const { status } = await this.share(shareName);
    const [location] = status?.exportLocations ?? [];
    return {
      address: location?.address ?? '',
      share: location?.metadata?.shareName ?? '',
      user: `${domain.netbiosName}\\${user}`,
      password: domain.password(user),
    };
  }
}

/** Series of a metric of one share server, each as Prometheus is told it. */
export async function seriesOf(
  operator: OperatorProcess,
  metric: string,
  { namespace = '', name }: ShareServer['metadata'],
): Promise<readonly string[]> {
  const lines = (await operator.metrics()).split('\n');
  return lines.filter((line) => line.startsWith(`${metric}{namespace="${namespace}",name="${name}"`));
}

function isReady(conditions: readonly { readonly type: string; readonly status: string }[] = []): boolean {
  return conditions.some(({ type, status }) => type === 'Ready' && status === 'True');
}
