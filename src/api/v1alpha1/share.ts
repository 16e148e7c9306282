import type { KubeObject } from '../../runtime/kube-object.ts';
import type { AccessType, SecurityServiceType, ShareProtocol } from './backend-capabilities.ts';
import type { Conditions } from './conditions.ts';
import type { ObjectReference } from './finding.ts';
import type {
  AvailabilityZone,
  Description,
  DriverText,
  Message,
  OperatorText,
  Quantity,
  QuantityText,
  RequestToken,
  ResourceName,
  UID,
} from './formats.ts';
import type { Operation } from './operation.ts';

/** Capabilities that a share asks of its backend; what is absent is not asked. */
export interface RequiredCapabilities {
  /** The backend's share servers can take a changed security service while in use. */
  readonly securityServiceUpdateSupport?: boolean;
  /** The backend makes share servers. */
  readonly driverHandlesShareServers?: boolean;
  /**
   * Types of security services that the backend can use.
   *
   * @maxItems 3
   * @x-kubernetes-list-type set
   */
  readonly securityServiceTypes?: readonly SecurityServiceType[];
  /**
   * Access types that the backend takes for the share's protocol.
   *
   * @maxItems 4
   * @x-kubernetes-list-type set
   */
  readonly accessTypes?: readonly AccessType[];
}

/**
 * Desired state of a Share. Immutable but for size, deletionPolicy and description.
 *
 * @x-kubernetes-validations [
 *   {
 *     rule: "type(self.size) == int ? self.size > 0 && self.size <= 9007199254740991 \
 *       : isQuantity(self.size) && quantity(self.size).isGreaterThan(quantity('0')) \
 *         && quantity(self.size).isLessThan(quantity('8Pi'))",
 *     message: "size must be more than 0 and less than 8Pi",
 *     fieldPath: ".size",
 *   },
 *   {
 *     rule: "self.protocol == oldSelf.protocol",
 *     message: "protocol is immutable",
 *     reason: "FieldValueForbidden",
 *     fieldPath: ".protocol",
 *   },
 *   {
 *     rule: "unchanged(shareNetworkName)",
 *     message: "shareNetworkName is immutable",
 *     reason: "FieldValueForbidden",
 *     fieldPath: ".shareNetworkName",
 *   },
 *   {
 *     rule: "unchanged(backendName)",
 *     message: "backendName is immutable",
 *     reason: "FieldValueForbidden",
 *     fieldPath: ".backendName",
 *   },
 *   {
 *     rule: "unchanged(requiredCapabilities)",
 *     message: "requiredCapabilities is immutable",
 *     reason: "FieldValueForbidden",
 *     fieldPath: ".requiredCapabilities",
 *   },
 *   {
 *     rule: "unchanged(availabilityZone)",
 *     message: "availabilityZone is immutable",
 *     reason: "FieldValueForbidden",
 *     fieldPath: ".availabilityZone",
 *   },
 * ]
 */
export interface ShareSpec {
  /** Protocol that the share is served with. Immutable. */
  readonly protocol: ShareProtocol;
  /** Size, as a quantity such as `10Gi`; without a unit it is in bytes. At least 1Mi. May grow, and shrink to what is used. */
  readonly size: Quantity;
  /** ShareNetwork that the share is served on; needed when the backend makes share servers. Immutable. */
  readonly shareNetworkName?: ResourceName;
  /** StorageBackend to place the share on; absent: chosen. Immutable. */
  readonly backendName?: ResourceName;
  /** Capabilities that the backend must have. Immutable. */
  readonly requiredCapabilities?: RequiredCapabilities;
  /** Availability zone; chooses the subnet. Immutable. */
  readonly availabilityZone?: AvailabilityZone;
  /**
   * Delete: the data goes with the object. Retain: the data stays on the backend, and on its share server.
   *
   * @default Delete
   */
  readonly deletionPolicy?: 'Delete' | 'Retain';
  /** Text for people. */
  readonly description?: Description;
}

/** Phase of a Share. */
export type SharePhase = 'creating' | 'available' | 'extending' | 'shrinking' | 'error' | 'deleting' | 'error_deleting';

/** Where clients find the share. */
export interface ExportLocation {
  /** Path that clients mount. */
  readonly path: DriverText;
  /** Address of the server. */
  readonly address?: DriverText;
  /** Whether clients should use this location first. */
  readonly preferred?: boolean;
  /**
   * Further facts, for example `fsName` and `clusterID` of CephFS.
   *
   * @maxProperties 64
   */
  readonly metadata?: Readonly<Record<string, DriverText>>;
}

/** A driver call on the share that failed. */
export interface ShareError {
  /** Driver method that failed. */
  readonly operation: OperatorText;
  /** Reason in CamelCase. */
  readonly reason: OperatorText;
  /** Explanation, safe for the tenant. */
  readonly message: Message;
  /**
   * Generation of the spec that the call was made for.
   *
   * @minimum 0
   */
  readonly generation: number;
}

/** Observed state of a Share. */
export interface ShareStatus {
  /**
   * Generation of the spec that this status describes; -1 before the operator has seen the object.
   *
   * @minimum -1
   */
  readonly observedGeneration?: number;
  /**
   * State of the share. creating: being placed and made. available: can be mounted by whom its access rules name. extending,
   * shrinking: being resized. error: could not be made or is lost. deleting, error_deleting: being deleted; a failed deletion is
   * tried again.
   */
  readonly phase?: SharePhase;
  /** Conditions: Ready; Reconciling and Stalled while true. */
  readonly conditions?: Conditions;
  /** Object that `Ready` says this one waits for. */
  readonly waitingFor?: ObjectReference;
  /** StorageBackend that the share is placed on. */
  readonly backendName?: ResourceName;
  /** ShareServer that exports the share. */
  readonly shareServerName?: ResourceName;
  /** Identifier of the share on the storage system. */
  readonly identifier?: DriverText;
  /**
   * Where clients find the share.
   *
   * @maxItems 256
   * @x-kubernetes-list-type map
   * @x-kubernetes-list-map-keys ["path"]
   */
  readonly exportLocations?: readonly ExportLocation[];
  /** Size that the share has, as a quantity. */
  readonly size?: QuantityText;
  /** Sum of the share's access rules: active when all are applied, syncing while some wait, error when one failed. */
  readonly accessRulesStatus?: 'active' | 'syncing' | 'error';
  /** The driver operation that is running or to be continued. */
  readonly operation?: Operation;
  /**
   * The last refusal of a creation or of a size, which is not tried again before the spec changes or a user requests it, or the last
   * failure of the deletion, which is tried again. Removed when a later call succeeds.
   */
  readonly lastError?: ShareError;
  /**
   * UID that the object had when it was made on the storage system, where it is named after it. After a restore it differs from the
   * object's own.
   */
  readonly recordedUID?: UID;
  /** The last handled value of the annotation `sharenet.io/reconcile-requested-at`. */
  readonly lastHandledReconcileAt?: RequestToken;
}

/** A shared file system. It is placed on a StorageBackend; ShareAccess objects give clients access to it. */
export interface Share extends KubeObject {
  readonly spec: ShareSpec;
  /** @default {observedGeneration: -1, phase: "creating"} */
  readonly status?: ShareStatus;
}
