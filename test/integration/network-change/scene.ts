import { shareNetworks, shareServers, shares } from '../../../src/api/v1alpha1/resource-types.ts';
import type {
  SecurityServiceReference,
  ShareNetwork,
  ShareNetworkSpec,
} from '../../../src/api/v1alpha1/share-network.ts';
import type { ShareServer } from '../../../src/api/v1alpha1/share-server.ts';
import type { StorageBackendSpec } from '../../../src/api/v1alpha1/storage-backend.ts';
import type { DummyBackendConfig, DummyFault } from '../../../src/drivers/dummy/config.ts';
import { activeDirectory, backend, network, passwordSecret, share } from '../manifests.ts';
import type { RecordedCall, TestCluster } from '../test-cluster.ts';

/** Reference to an Active Directory service. */
export function ad(name: string): SecurityServiceReference {
  return { type: 'active_directory', name };
}

/** One tenant with a backend of its own, two Active Directory services and a network `net`. */
export class Scene {
  readonly cluster: TestCluster;
  readonly namespace: string;
  readonly backendName: string;
  readonly #dummy: DummyBackendConfig;
  readonly #backendSpec: Partial<StorageBackendSpec>;

  private constructor(
    cluster: TestCluster,
    namespace: string,
    dummy: DummyBackendConfig,
    backendSpec: Partial<StorageBackendSpec>,
  ) {
    this.cluster = cluster;
    this.namespace = namespace;
    this.backendName = `backend-${namespace}`;
    this.#dummy = { stateDirectory: cluster.stateDirectory, ...dummy };
    this.#backendSpec = backendSpec;
  }

  /** Sets it up, with so many shares, each on a server of its own, all available. */
  static async make(
    cluster: TestCluster,
    options: {
      readonly shares?: number;
      readonly dummy?: DummyBackendConfig;
      readonly backendSpec?: Partial<StorageBackendSpec>;
      readonly networkSpec?: Partial<ShareNetworkSpec>;
      readonly services?: readonly SecurityServiceReference[];
    } = {},
  ): Promise<Scene> {
    const namespace = await cluster.namespace();
    const scene = new Scene(cluster, namespace, options.dummy ?? {}, options.backendSpec ?? {});
    const names = Array.from({ length: options.shares ?? 0 }, (_, index) => `share-${index}`);
    await cluster.apply(
      backend(scene.backendName, scene.#dummy, scene.#backendSpec),
      ...['ad-a', 'ad-b', 'ad-c'].flatMap((name) => [
        passwordSecret(namespace, `${name}-password`, `secret-of-${name}`),
        activeDirectory(namespace, name),
      ]),
      network(namespace, 'net', options.services ?? [ad('ad-a')], options.networkSpec ?? {}),
      ...names.map((name) => scene.share(name)),
    );
    for (const name of names) await scene.shareAvailable(name);
    return scene;
  }

  /** Manifest of a share on the network and the backend. */
  share(name: string) {
    return share(this.namespace, name, { shareNetworkName: 'net', backendName: this.backendName });
  }

  async shareAvailable(name: string): Promise<void> {
    await this.cluster.until(
      shares,
      { namespace: this.namespace, name },
      'available',
      ({ status }) => status?.phase === 'available',
      60_000,
    );
  }

  /** Refers the network to other services. */
  async refer(services: readonly SecurityServiceReference[], spec: Partial<ShareNetworkSpec> = {}): Promise<void> {
    await this.cluster.apply(network(this.namespace, 'net', services, spec));
  }

  /** Sets faults and waits until they are in force. */
  async faults(...faults: readonly DummyFault[]): Promise<void> {
    await this.configure({ faults });
  }

  /** Configures the backend besides what the scene was made with, and waits until that is in force. */
  async configure(dummy: DummyBackendConfig): Promise<void> {
    await this.cluster.apply(backend(this.backendName, { ...this.#dummy, ...dummy }, this.#backendSpec));
    await this.cluster.untilConfigured(this.backendName);
  }

  async network(what: string, holds: (network: ShareNetwork) => boolean, timeoutMs?: number): Promise<ShareNetwork> {
    return await this.cluster.until(
      shareNetworks,
      { namespace: this.namespace, name: 'net' },
      what,
      holds,
      timeoutMs ?? 40_000,
    );
  }

  /** Waits until a change has ended with a result; `not` is the one before. */
  async changed(result: string, not?: string): Promise<ShareNetwork> {
    return await this.network(
      `change ${result}`,
      ({ status }) =>
        status?.phase === 'active' &&
        status.lastNetworkChange?.result === result &&
        status.lastNetworkChange.id !== not,
    );
  }

  async present(): Promise<ShareNetwork> {
    return await this.cluster.client.get(shareNetworks, { namespace: this.namespace, name: 'net' });
  }

  /** The share servers, by name. */
  async servers(): Promise<readonly ShareServer[]> {
    const { items } = await this.cluster.client.list(shareServers, { namespace: this.namespace });
    return items.sort((a, b) => a.metadata.name.localeCompare(b.metadata.name));
  }

  async server(name: string, what: string, holds: (server: ShareServer) => boolean): Promise<ShareServer> {
    return await this.cluster.until(shareServers, { namespace: this.namespace, name }, what, holds, 40_000);
  }

  /** Name of the server at that place in the list. */
  async serverName(index: number): Promise<string> {
    return (await this.servers())[index]?.metadata.name ?? '';
  }

  /** Patches the phase as an administrator does. */
  async reset(kind: 'sharenetwork' | 'shareserver', name: string, phase: string): Promise<void> {
    const patch = JSON.stringify({ status: { phase } });
    await this.kubectl('patch', kind, name, '--subresource=status', '--type=merge', '-p', patch);
  }

  async annotate(kind: string, name: string, annotation: string): Promise<void> {
    await this.kubectl('annotate', '--overwrite', kind, name, annotation);
  }

  async kubectl(...args: readonly string[]): Promise<string> {
    return await this.cluster.kubectl('-n', this.namespace, ...args);
  }

  /** Calls of the namespace that were started, of one operation. */
  async started(operation: string, server?: string): Promise<readonly RecordedCall[]> {
    return (await this.cluster.calls()).filter(
      (call) =>
        call.namespace === this.namespace &&
        call.operation === operation &&
        call.event === 'start' &&
        (server === undefined || call.shareServer === server),
    );
  }

  /** Waits for an event with that reason on that object; answers its note. */
  async event(reason: string, name: string): Promise<string> {
    return await this.cluster.untilEvent(reason, { namespace: this.namespace, name });
  }
}

/** A condition of an object. */
export function condition(
  object: {
    readonly status?: {
      readonly conditions?: readonly {
        readonly type: string;
        readonly status: string;
        readonly reason: string;
        readonly message: string;
      }[];
    };
  },
  type: string,
) {
  return object.status?.conditions?.find((candidate) => candidate.type === type);
}

/** Names of the services that a server was given. */
export function appliedTo(server: ShareServer): readonly string[] {
  return (server.status?.securityServices ?? []).map(({ name }) => name);
}
