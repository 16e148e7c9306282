import type { AdmissionState, Validator } from '../../src/admission/validator.ts';
import type { Verdict } from '../../src/admission/verdict.ts';
import type { BackendCapabilities } from '../../src/api/v1alpha1/backend-capabilities.ts';
import type { ShareNetworkStatus } from '../../src/api/v1alpha1/share-network.ts';
import type { ShareServer, ShareServerStatus } from '../../src/api/v1alpha1/share-server.ts';
import type { StorageBackend, StorageBackendSpec } from '../../src/api/v1alpha1/storage-backend.ts';
import type { Informers } from '../../src/cluster-state/informers.ts';
import { driverModules } from '../../src/drivers/registry.ts';
import { secretData } from '../../src/runtime/core-types.ts';
import type { Informer } from '../../src/runtime/informer.ts';
import type { KubeObject } from '../../src/runtime/kube-object.ts';
import { createOperatorRig, type OperatorRig } from './operator-rig.ts';

type ObjectOf<I> = I extends Informer<infer T> ? T : never;

/** The namespace of everything that a test shows, unless it says otherwise. */
export const namespace = 'tenant';

/** What validators decide on, filled by a test. */
export class AdmissionRig implements AsyncDisposable {
  readonly state: AdmissionState;
  /** UIDs of shares, and of share servers, that have a driver call running. */
  readonly busy = new Set<string>();
  readonly #rig: OperatorRig;
  #version = 0;

  private constructor(rig: OperatorRig) {
    this.#rig = rig;
    const isBusy = (uid: string): boolean => this.busy.has(uid);
    this.state = {
      informers: rig.operator.informers,
      installation: rig.operator.installation,
      namespace: rig.operator.namespace,
      requireCredentialDestinations: rig.operator.requireCredentialDestinations,
      calls: { serverIsBusy: isBusy, shareIsBusy: isBusy },
      modules: driverModules,
    };
  }

  /** Makes one that knows the namespace `tenant`, labelled `team: red`. */
  static async make(): Promise<AdmissionRig> {
    const rig = new AdmissionRig(await createOperatorRig());
    rig.show('namespaces', { metadata: { name: namespace, labels: { team: 'red' } } });
    return rig;
  }

  /** Puts an object into a cache, in place of one of its name; its UID is `uid-<name>` unless it has one. */
  show<K extends keyof Informers>(kind: K, object: ObjectOf<Informers[K]>): ObjectOf<Informers[K]> {
    this.#version += 1;
    const { metadata } = object;
    const shown = {
      ...object,
      metadata: { uid: `uid-${metadata.name}`, ...metadata, resourceVersion: String(this.#version) },
    };
    // One kind's informer takes that kind's objects: TypeScript does not tie the two together over a union.
    (this.#rig.operator.informers[kind] as unknown as Informer<KubeObject>).cache.observe(shown);
    return shown;
  }

  /** Shows a marked password Secret. */
  showPassword(name: string): void {
    this.show('credentials', {
      metadata: { name, namespace, labels: { 'sharenet.io/credentials': 'true' } },
      data: secretData({ password: 'hunter2' }),
    });
  }

  create<T extends KubeObject>(validator: Validator<T>, object: T): Verdict {
    return validator.validate({ operation: 'CREATE', object }, this.state);
  }

  update<T extends KubeObject>(validator: Validator<T>, oldObject: T, object: T, dryRun = false): Verdict {
    return validator.validate({ operation: 'UPDATE', object, oldObject, dryRun }, this.state);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#rig[Symbol.asyncDispose]();
  }
}

/** A backend that was probed, is ready and makes share servers. */
export function probedBackend(
  name: string,
  capabilities: Partial<BackendCapabilities> = {},
  spec: Partial<StorageBackendSpec> = {},
): StorageBackend {
  return {
    metadata: { name, generation: 1 },
    spec: { driver: 'dummy', dummy: {}, ...spec },
    status: {
      observedGeneration: 1,
      conditions: [{ type: 'Ready', status: 'True', reason: 'Available', message: '', lastTransitionTime: '' }],
      capabilities: {
        driverHandlesShareServers: true,
        securityServiceUpdateSupport: true,
        securityServiceTypes: ['active_directory', 'ldap', 'kerberos'],
        shareProtocols: ['NFS', 'CIFS'],
        accessTypesByProtocol: { NFS: ['ip'], CIFS: ['user'] },
        accessLevels: ['rw', 'ro'],
        accessKeyTypes: [],
        networkAllocationsPerServer: 1,
        ...capabilities,
      },
    },
  };
}

/** An active share server of the network `net` on the backend `backend`, that has the service `ad`. */
export function activeServer(name: string, status: ShareServerStatus = {}): ShareServer {
  return {
    metadata: { name, namespace },
    spec: {
      backendName: 'backend',
      shareNetworkName: 'net',
      subnetName: 'default',
      securityServiceUpdateSupport: true,
    },
    status: {
      phase: 'active',
      identifier: `id-${name}`,
      subnet: { name: 'default', networkType: 'flat', cidr: '10.0.0.0/24' },
      ...status,
    },
  };
}

/** The status of an active network that records the service `ad`. */
export const recordsAD: ShareNetworkStatus = {
  phase: 'active',
  securityServices: [{ type: 'active_directory', name: 'ad', uid: 'uid-ad', generation: 1 }],
};
