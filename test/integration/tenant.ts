import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { shareAccesses, shares, storageBackends } from '../../src/api/v1alpha1/resource-types.ts';
import type { Share, ShareSpec } from '../../src/api/v1alpha1/share.ts';
import type { ShareAccess, ShareAccessSpec } from '../../src/api/v1alpha1/share-access.ts';
import type { StorageBackendSpec } from '../../src/api/v1alpha1/storage-backend.ts';
import type { DummyBackendConfig, DummyFault } from '../../src/drivers/dummy/config.ts';
import { type Secret, secrets, secretText } from '../../src/runtime/core-types.ts';
import type { KubeObject } from '../../src/runtime/kube-object.ts';
import { access, backend, share } from './manifests.ts';
import type { RecordedCall, TestCluster } from './test-cluster.ts';

/** A condition's status and reason, `Status/Reason`. */
export function conditionOf(object: Share | ShareAccess | KubeObject, type: string): string {
  const { status } = object as {
    status?: { conditions?: readonly { type: string; status: string; reason: string }[] };
  };
  const found = status?.conditions?.find((condition) => condition.type === type);
  return found === undefined ? 'absent' : `${found.status}/${found.reason}`;
}

/** Message of a condition. */
export function messageOf(object: KubeObject, type: string): string {
  const { status } = object as { status?: { conditions?: readonly { type: string; message: string }[] } };
  return status?.conditions?.find((condition) => condition.type === type)?.message ?? '';
}

/** One namespace with a dummy backend of its own; without share servers unless asked for. */
export class Tenant {
  readonly cluster: TestCluster;
  readonly namespace: string;
  readonly backendName: string;
  #dummy: DummyBackendConfig;
  #spec: Partial<StorageBackendSpec>;

  private constructor(
    cluster: TestCluster,
    namespace: string,
    backendName: string,
    dummy: DummyBackendConfig,
    spec: Partial<StorageBackendSpec>,
  ) {
    this.cluster = cluster;
    this.namespace = namespace;
    this.backendName = backendName;
    this.#dummy = dummy;
    this.#spec = spec;
  }

  /** Makes the namespace and the backend, and waits until the backend is ready. */
  static async make(
    cluster: TestCluster,
    dummy: DummyBackendConfig = {},
    spec: Partial<StorageBackendSpec> = {},
  ): Promise<Tenant> {
    const namespace = await cluster.namespace();
    const config = { stateDirectory: cluster.stateDirectory, driverHandlesShareServers: false, ...dummy };
    const tenant = new Tenant(cluster, namespace, `${namespace}-backend`, config, spec);
    await tenant.configure({});
    return tenant;
  }

  /** Another namespace on the same backend. */
  async neighbour(): Promise<Tenant> {
    const namespace = await this.cluster.namespace();
    return new Tenant(this.cluster, namespace, this.backendName, this.#dummy, this.#spec);
  }

  /** Changes the backend's configuration and waits until it is in force. */
  async configure(dummy: DummyBackendConfig, spec: Partial<StorageBackendSpec> = {}): Promise<void> {
    this.#dummy = { ...this.#dummy, ...dummy };
    this.#spec = { ...this.#spec, ...spec };
    await this.cluster.apply(backend(this.backendName, this.#dummy, this.#spec));
    await this.cluster.until(
      storageBackends,
      { name: this.backendName },
      'configured and ready',
      (object) =>
        object.status?.observedGeneration === object.metadata.generation &&
        conditionOf(object, 'Ready').startsWith('True'),
      30_000,
    );
  }

  async setFaults(...faults: readonly DummyFault[]): Promise<void> {
    await this.configure({ faults });
  }

  /** Makes shares and waits until they are available. */
  async makeShares(names: readonly string[], spec: Partial<ShareSpec> = {}): Promise<void> {
    await this.cluster.apply(
      ...names.map((name) => share(this.namespace, name, { backendName: this.backendName, ...spec })),
    );
    for (const name of names) await this.untilShare(name, 'available', ({ status }) => status?.phase === 'available');
  }

  /** Applies one rule. */
  async grant(name: string, shareName: string, spec: Partial<ShareAccessSpec> = {}): Promise<void> {
    await this.cluster.apply(access(this.namespace, name, shareName, spec));
  }

  async untilShare(name: string, what: string, holds: (share: Share) => boolean, timeoutMs = 60_000): Promise<Share> {
    return await this.cluster.until(shares, { namespace: this.namespace, name }, what, holds, timeoutMs);
  }

  async untilRule(
    name: string,
    what: string,
    holds: (rule: ShareAccess) => boolean,
    timeoutMs = 60_000,
  ): Promise<ShareAccess> {
    return await this.cluster.until(shareAccesses, { namespace: this.namespace, name }, what, holds, timeoutMs);
  }

  /** Waits until a rule is active at its present spec. */
  async untilActive(name: string): Promise<ShareAccess> {
    return await this.untilRule(
      name,
      'active',
      ({ metadata, status }) => status?.phase === 'active' && status.observedGeneration === metadata.generation,
    );
  }

  /** Waits until a rule is in error for a reason. */
  async untilError(name: string, reason: string): Promise<ShareAccess> {
    return await this.untilRule(
      name,
      `error ${reason}`,
      (rule) => rule.status?.phase === 'error' && conditionOf(rule, 'Ready') === `False/${reason}`,
    );
  }

  async rule(name: string): Promise<ShareAccess> {
    return await this.cluster.client.get(shareAccesses, { namespace: this.namespace, name });
  }

  async secret(name: string): Promise<Secret | undefined> {
    return await this.cluster.find(secrets, { namespace: this.namespace, name });
  }

  /** The key in the Secret of a rule. */
  async keyInSecret(rule: string): Promise<string | undefined> {
    const secret = await this.secret(`${rule}-access-key`);
    return secret === undefined ? undefined : secretText(secret, 'accessKey');
  }

  /** The key that the backend has for a cephx id. */
  async keyOnBackend(id: string): Promise<string | undefined> {
    const document = await this.#document('keys', Buffer.from(id, 'utf8').toString('hex'));
    return document === undefined ? undefined : String(document.key);
  }

  /** Targets that the backend grants on a share, with their level. */
  async grantedOn(shareName: string): Promise<Readonly<Record<string, string>>> {
    const { metadata } = await this.cluster.client.get(shares, { namespace: this.namespace, name: shareName });
    const document = await this.#document('shares', metadata.uid ?? '');
    const rules = (document?.rules ?? {}) as Record<string, { accessLevel: string }>;
    return Object.fromEntries(Object.entries(rules).map(([target, { accessLevel }]) => [target, accessLevel]));
  }

  /** Calls that have begun of a driver method on this tenant's backend, for this namespace. */
  async callsOf(operation: string): Promise<readonly RecordedCall[]> {
    return (await this.cluster.calls()).filter(
      (call) => call.operation === operation && call.event === 'start' && call.namespace === this.namespace,
    );
  }

  /** Asks for something by an annotation. */
  async annotate(type: 'share' | 'shareaccess' | 'shareserver', name: string, annotation: string): Promise<void> {
    await this.kubectl('annotate', '--overwrite', type, name, annotation);
  }

  /** Pauses a share, and waits until the operator heeds it. */
  async pauseShare(name: string): Promise<void> {
    await this.annotate('share', name, 'sharenet.io/paused=true');
    await this.untilShare(name, 'paused', (share) => conditionOf(share, 'Ready') === 'False/Paused');
  }

  /** kubectl in the tenant's namespace. */
  async kubectl(...args: readonly string[]): Promise<string> {
    return await this.cluster.kubectl('-n', this.namespace, ...args);
  }

  /** Waits until an event about an object tells a reason. */
  async untilEvent(reason: string, kind: string, name: string): Promise<void> {
    await this.cluster.untilEvent(reason, { namespace: this.namespace, name }, kind);
  }

  async #document(kind: string, id: string): Promise<Record<string, unknown> | undefined> {
    const path = join(this.cluster.stateDirectory, 'backends', this.backendName, kind, `${id}.json`);
    try {
      return JSON.parse(await readFile(path, 'utf8'));
    } catch {
      return undefined;
    }
  }
}
