import type { DummyBackendConfig } from '../../drivers/dummy/config.ts';
import type { SambaBackendConfig } from '../../drivers/samba/config.ts';
import type { KubeObject } from '../../runtime/kube-object.ts';
import type { BackendCapabilities, BackendCapacity } from './backend-capabilities.ts';
import type { CephFSBackend } from './cephfs-backend.ts';
import type { Conditions } from './conditions.ts';
import type { Duration, RequestToken } from './formats.ts';
import type { NamespaceSelection } from './label-selector.ts';
import type { AllowedSegment } from './network-segments.ts';

/**
 * Desired state of a StorageBackend.
 *
 * @x-kubernetes-validations [
 *   {
 *     rule: "self.driver == oldSelf.driver",
 *     message: "driver is immutable",
 *     reason: "FieldValueForbidden",
 *     fieldPath: ".driver",
 *   },
 *   {
 *     rule: "has(self.dummy) == (self.driver == 'dummy')",
 *     message: "driver dummy is configured by the member dummy, other drivers must not have it",
 *     fieldPath: ".dummy",
 *   },
 *   {
 *     rule: "has(self.cephfs) == (self.driver == 'cephfs')",
 *     message: "driver cephfs is configured by the member cephfs, other drivers must not have it",
 *     fieldPath: ".cephfs",
 *   },
 *   {
 *     rule: "has(self.samba) == (self.driver == 'samba')",
 *     message: "driver samba is configured by the member samba, other drivers must not have it",
 *     fieldPath: ".samba",
 *   },
 *   {
 *     rule: "has(self.parameters) == self.driver.contains('/')",
 *     message: "a driver named vendor.example/name is configured by parameters, built-in drivers must not have them",
 *     fieldPath: ".parameters",
 *   },
 *   {
 *     rule: "!self.operationTimeout.matches(r'''^(0|([0-9]+([.][0-9]+)?(ns|us|µs|ms|s|m|h))+)$''') || duration(self.operationTimeout) > duration('0s') && duration(self.operationTimeout) <= duration('24h')",
 *     message: "operationTimeout must be more than 0s and at most 24h",
 *     fieldPath: ".operationTimeout",
 *   },
 *   {
 *     rule: "!self.changeTimeout.matches(r'''^(0|([0-9]+([.][0-9]+)?(ns|us|µs|ms|s|m|h))+)$''') || !self.operationTimeout.matches(r'''^(0|([0-9]+([.][0-9]+)?(ns|us|µs|ms|s|m|h))+)$''') || duration(self.changeTimeout) >= duration(self.operationTimeout) && duration(self.changeTimeout) <= duration('168h')",
 *     message: "changeTimeout must not be below operationTimeout and be at most 168h",
 *     fieldPath: ".changeTimeout",
 *   },
 *   {
 *     rule: "!self.unusedShareServerTimeout.matches(r'''^(0|([0-9]+([.][0-9]+)?(ns|us|µs|ms|s|m|h))+)$''') || duration(self.unusedShareServerTimeout) <= duration('8760h')",
 *     message: "unusedShareServerTimeout must be at most 8760h; 0s is for ever",
 *     fieldPath: ".unusedShareServerTimeout",
 *   },
 * ]
 */
export interface StorageBackendSpec {
  /**
   * Which driver serves the backend: a built-in one (`dummy`, `cephfs`, `samba`), configured by the member of that name, or
   * `vendor.example/name`, configured by `parameters`. Immutable.
   *
   * @maxLength 317
   * @pattern ^(dummy|cephfs|samba|[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)+/[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)$
   * @patternMessage must be dummy, cephfs, samba, or the name of another driver such as vendor.example/name
   */
  readonly driver: string;
  /**
   * false stops placement of new shares and every change, never deletions.
   *
   * @default true
   */
  readonly enabled?: boolean;
  /** Namespaces whose shares may be placed here; absent: all. */
  readonly allowedNamespaces?: NamespaceSelection;
  /**
   * Network segments that subnets may name; absent: only flat networks without a segmentation id.
   *
   * @maxItems 64
   */
  readonly allowedSegments?: readonly AllowedSegment[];
  /**
   * Driver calls that may run at once on this backend. Of several one is always left for other namespaces: calls of one that hang
   * don't stop the others.
   *
   * @default 8
   * @minimum 1
   * @maximum 1000
   */
  readonly maxConcurrentOperations?: number;
  /**
   * Bound of one driver call, as a Go duration such as `60s`; at most 24h.
   *
   * @default "60s"
   */
  readonly operationTimeout?: Duration;
  /**
   * Bound of one share server's part in a security service change, from its first call, as a Go duration. Not below
   * operationTimeout; at most 168h.
   *
   * @default "10m"
   */
  readonly changeTimeout?: Duration;
  /**
   * Shares that may be placed on one share server; absent: no limit.
   *
   * @minimum 1
   * @maximum 100000
   */
  readonly maxSharesPerShareServer?: number;
  /**
   * How long a share server without shares is kept, as a Go duration; `0s`: for ever.
   *
   * @default "10m"
   */
  readonly unusedShareServerTimeout?: Duration;
  /**
   * Whether the annotation `sharenet.io/abandon` is honoured while this backend exists: objects are then forgotten and their data
   * left on the storage system.
   *
   * @default false
   */
  readonly allowAbandon?: boolean;
  /** Configuration of the embedded dummy driver. */
  readonly dummy?: DummyBackendConfig;
  /** Configuration of the CephFS driver. */
  readonly cephfs?: CephFSBackend;
  /** Configuration of the Samba driver. */
  readonly samba?: SambaBackendConfig;
  /** Configuration of a driver of someone else, checked by that driver; 16 KiB at most. */
  readonly parameters?: DriverParameters;
}

/**
 * Free-form configuration that only its driver understands.
 *
 * @maxProperties 128
 * @x-kubernetes-preserve-unknown-fields true
 */
export type DriverParameters = Readonly<Record<string, unknown>>;

/**
 * Name of a config field.
 *
 * @maxLength 253
 */
type IdentityField = string;

/**
 * Value of a config field as JSON.
 *
 * @maxLength 32768
 */
type IdentityValue = string;

/** Observed state of a StorageBackend. */
export interface StorageBackendStatus {
  /**
   * Generation of the spec that this status describes; -1 before the operator has seen the object.
   *
   * @minimum -1
   */
  readonly observedGeneration?: number;
  /** Conditions: Ready (the backend was probed and answers). */
  readonly conditions?: Conditions;
  /** What the backend can do, as probed. */
  readonly capabilities?: BackendCapabilities;
  /** Space on the backend, as probed. */
  readonly capacity?: BackendCapacity;
  /**
   * The config fields that tell the storage system apart from others, with their values in force as JSON. They can't change while
   * the backend is in use.
   *
   * @maxProperties 32
   */
  readonly identity?: Readonly<Record<string, IdentityValue>>;
  /**
   * Identity fields of the spec whose new value is not in force because the backend is in use; absent: none.
   *
   * @maxItems 32
   */
  readonly refusedIdentityFields?: readonly IdentityField[];
  /** true while no driver call is made because the storage system did not answer the last probe. */
  readonly callsSuspended?: boolean;
  /** The last handled value of the annotation `sharenet.io/reconcile-requested-at`. */
  readonly lastHandledReconcileAt?: RequestToken;
}

/**
 * A storage system that shares can be placed on, served by one driver. Cluster-scoped: made by the administrator of the storage,
 * used by every namespace that it allows.
 */
export interface StorageBackend extends KubeObject {
  readonly spec: StorageBackendSpec;
  /** @default {observedGeneration: -1} */
  readonly status?: StorageBackendStatus;
}
