import type { KubeObject } from '../../runtime/kube-object.ts';
import type { SecurityServiceType } from './backend-capabilities.ts';
import type { Conditions } from './conditions.ts';
import type { ObjectReference } from './finding.ts';
import type {
  Certificates,
  DriverText,
  LabelName,
  Message,
  OperatorText,
  RequestToken,
  ResourceName,
  SecretKey,
  Time,
  UID,
} from './formats.ts';
import type { NetworkType } from './network-segments.ts';
import type { Operation } from './operation.ts';
import type { DirectoryTLSMode } from './security-service.ts';
import type { SecurityServiceChange } from './share-network.ts';

/**
 * Desired state of a ShareServer, written by the operator. Everything but `securityServiceUpdateSupport` is immutable.
 *
 * @x-kubernetes-validations [
 *   {
 *     rule: "self.backendName == oldSelf.backendName",
 *     message: "backendName is immutable",
 *     reason: "FieldValueForbidden",
 *     fieldPath: ".backendName",
 *   },
 *   {
 *     rule: "self.shareNetworkName == oldSelf.shareNetworkName",
 *     message: "shareNetworkName is immutable",
 *     reason: "FieldValueForbidden",
 *     fieldPath: ".shareNetworkName",
 *   },
 *   {
 *     rule: "self.subnetName == oldSelf.subnetName",
 *     message: "subnetName is immutable",
 *     reason: "FieldValueForbidden",
 *     fieldPath: ".subnetName",
 *   },
 * ]
 */
export interface ShareServerSpec {
  /** StorageBackend that the server runs on. Immutable. */
  readonly backendName: ResourceName;
  /** ShareNetwork that the server is connected to. Immutable. */
  readonly shareNetworkName: ResourceName;
  /** Subnet of the network that the server's addresses come from. Immutable. */
  readonly subnetName: LabelName;
  /**
   * Whether the server can take a changed security service while in use. Set from the backend's capability when the server is
   * made; administrators may change it.
   *
   * @default false
   */
  readonly securityServiceUpdateSupport?: boolean;
}

/** Phase of a ShareServer. */
export type ShareServerPhase = 'creating' | 'active' | 'network_change' | 'error' | 'deleting';

/** How connections to an LDAP directory were asked to be protected. */
export interface AppliedTLS {
  /** Whether servers have to be verified; absent: they have to. */
  readonly mode?: DirectoryTLSMode;
  /** Certificates of the authorities in PEM. */
  readonly caBundle?: Certificates;
  /** The Secret with the authorities. */
  readonly caSecretRef?: AppliedSecretReference;
}

/** A key of a Secret. */
export interface AppliedSecretReference {
  /** Name of the Secret. */
  readonly name: ResourceName;
  /** Key of the Secret's data. */
  readonly key?: SecretKey;
}

/** A SecurityService as it was passed to the driver: every field that is not secret. */
export interface AppliedSecurityService {
  /** Type of the service. */
  readonly type: SecurityServiceType;
  /** Name of the SecurityService. */
  readonly name: ResourceName;
  /** UID of the SecurityService. */
  readonly uid: UID;
  /** Generation of the SecurityService. */
  readonly generation: number;
  /** Version of the password that was passed; absent: none was. */
  readonly credentialsVersion?: OperatorText;
  /**
   * Addresses of the DNS servers.
   *
   * @maxItems 16
   */
  readonly dnsIPs?: readonly OperatorText[];
  /**
   * Names or addresses of the directory's servers.
   *
   * @maxItems 16
   */
  readonly servers?: readonly OperatorText[];
  /** Domain, realm or base. */
  readonly domain?: OperatorText;
  /** Account that share servers log in or join with. */
  readonly user?: OperatorText;
  /** TLS towards an LDAP directory. */
  readonly tls?: AppliedTLS;
  /** Organizational unit for machine accounts. */
  readonly ou?: OperatorText;
  /** Active Directory site. */
  readonly defaultADSite?: OperatorText;
}

/** One step of a change on this server. */
export interface ShareServerChange extends SecurityServiceChange {
  /** Set when the driver has taken it. */
  readonly done?: boolean;
}

/** The change that the server takes part in. */
export interface ShareServerNetworkChange {
  /** Identifier of the network's change. */
  readonly id: OperatorText;
  /**
   * The driver calls to make, in order.
   *
   * @maxItems 16
   */
  readonly changes: readonly ShareServerChange[];
}

/** The last change that the server took part in. */
export interface ShareServerLastNetworkChange {
  /** Identifier of the network's change. */
  readonly id: OperatorText;
  /** What became of it. */
  readonly result: 'Succeeded' | 'Failed' | 'NotAttempted';
}

/** An address that the server was given. */
export interface NetworkAllocation {
  /** Subnet that the address is from. */
  readonly subnetName: LabelName;
  /** The address. */
  readonly ipAddress: OperatorText;
}

/** A subnet of the network as a share server was given it. */
export interface GivenSubnet {
  /** Name of the subnet. */
  readonly name: LabelName;
  /** Availability zone that it serves. */
  readonly availabilityZone?: OperatorText;
  /** Kind of segment. */
  readonly networkType: NetworkType;
  /** Segmentation id. */
  readonly segmentationID?: number;
  /** Address range in CIDR notation. */
  readonly cidr: OperatorText;
  /** Address of the gateway. */
  readonly gateway?: OperatorText;
  /** Maximum transmission unit in bytes. */
  readonly mtu?: number;
  /**
   * Ranges that share servers take addresses from.
   *
   * @maxItems 64
   */
  readonly allocationRanges?: readonly OperatorText[];
}

/** The last failure of a driver call on the server. */
export interface ShareServerError {
  /** Driver method that failed. */
  readonly operation: OperatorText;
  /** Reason in CamelCase. */
  readonly reason: OperatorText;
  /** Explanation, safe for the tenant. */
  readonly message: Message;
  /** When it failed. */
  readonly time: Time;
}

/** What the storage system reports of a server that is not healthy. */
export interface ShareServerHealth {
  /** Explanation, safe for the tenant. */
  readonly message: Message;
  /** Whether the directory refuses the credentials of the server. The operator does not ask again by itself then. */
  readonly credentialsRefused?: boolean;
}

/** Observed state of a ShareServer. */
export interface ShareServerStatus {
  /**
   * Generation of the spec that this status describes; -1 before the operator has seen the object.
   *
   * @minimum -1
   */
  readonly observedGeneration?: number;
  /**
   * State of the server. creating: being set up. active: serves its shares. network_change: is being given changed security
   * services. error: the last set-up or change failed, see lastError. deleting: being torn down. An administrator may reset it.
   */
  readonly phase?: ShareServerPhase;
  /** The phase as the operator last wrote it; differs from `phase` only until a reset by an administrator was taken note of. */
  readonly recordedPhase?: ShareServerPhase;
  /** Conditions: Ready, SecurityServicesUpToDate; Reconciling and Stalled while true. */
  readonly conditions?: Conditions;
  /** Object that `Ready` says this one waits for. */
  readonly waitingFor?: ObjectReference;
  /** Identifier of the server on the storage system. */
  readonly identifier?: DriverText;
  /**
   * What the driver says about the server; safe for tenants.
   *
   * @maxProperties 128
   */
  readonly backendDetails?: Readonly<Record<string, DriverText>>;
  /**
   * The services that the server has, as they were passed to the driver.
   *
   * @maxItems 16
   */
  readonly securityServices?: readonly AppliedSecurityService[];
  /**
   * The services of the last failed attempt.
   *
   * @maxItems 16
   */
  readonly attempted?: readonly AppliedSecurityService[];
  /** The change that the server takes part in. */
  readonly networkChange?: ShareServerNetworkChange;
  /** The last change that the server took part in. */
  readonly lastNetworkChange?: ShareServerLastNetworkChange;
  /**
   * Why the server may lack services that its network records. Failed: its last update failed. NotAttempted: a change was stopped before
   * its turn. Removed when an update succeeds, or an administrator resets the phase.
   */
  readonly missedUpdate?: 'Failed' | 'NotAttempted';
  /** What the storage system reports of an active server that is not healthy; absent: nothing is wrong as far as it is known. */
  readonly unhealthy?: ShareServerHealth;
  /**
   * Addresses of the server.
   *
   * @maxItems 256
   * @x-kubernetes-list-type map
   * @x-kubernetes-list-map-keys ["ipAddress"]
   */
  readonly networkAllocations?: readonly NetworkAllocation[];
  /** The subnet as it was when the server was given its addresses. In the network it may only gain ranges since then. */
  readonly subnet?: GivenSubnet;
  /** The driver operation that is running or to be continued. */
  readonly operation?: Operation;
  /**
   * Identifiers of shares that were deleted with policy Retain and are still on the server. Such a server is never torn down.
   *
   * @maxItems 10000
   */
  readonly retainedShares?: readonly DriverText[];
  /** When the server last lost its last share; it is torn down `unusedShareServerTimeout` later. */
  readonly unusedSince?: Time;
  /** Digest of the request annotations that the last attempt to set the server up knew of; others ask for another attempt. */
  readonly setupRequests?: OperatorText;
  /** The last failure. */
  readonly lastError?: ShareServerError;
  /**
   * UID that the object had when it was made on the storage system, where it is named after it. After a restore it differs from the
   * object's own.
   */
  readonly recordedUID?: UID;
  /** The last handled value of the annotation `sharenet.io/reconcile-requested-at`. */
  readonly lastHandledReconcileAt?: RequestToken;
}

/**
 * A server that exports shares on one share network. Made by the operator when a share needs one, and torn down by it when
 * nothing uses it any more.
 */
export interface ShareServer extends KubeObject {
  readonly spec: ShareServerSpec;
  /** @default {observedGeneration: -1, phase: "creating"} */
  readonly status?: ShareServerStatus;
}
