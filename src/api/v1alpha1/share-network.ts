import type { KubeObject } from '../../runtime/kube-object.ts';
import type { SecurityServiceType } from './backend-capabilities.ts';
import type { Conditions } from './conditions.ts';
import type { ObjectReference } from './finding.ts';
import type {
  AvailabilityZone,
  CIDR,
  Description,
  IPAddress,
  LabelName,
  Message,
  OperatorText,
  RequestToken,
  ResourceName,
  Time,
  UID,
} from './formats.ts';
import type { NetworkType } from './network-segments.ts';

/** Reference to a SecurityService in the same namespace; one per type. */
export interface SecurityServiceReference {
  /** Type of the service; must equal the service's own type. */
  readonly type: SecurityServiceType;
  /** Name of the SecurityService. It may be made later: the network waits for it. */
  readonly name: ResourceName;
}

/**
 * Addresses that share servers may be given: `first-last` (both inclusive) or a CIDR.
 *
 * @maxLength 91
 * @x-kubernetes-validations [{
 *   rule: "self.contains('-') \
 *     ? self.split('-').size() == 2 && self.split('-').all(a, isIP(a)) \
 *     : isCIDR(self) && cidr(self) == cidr(self).masked()",
 *   message: "must be first-last, both addresses inclusive, or a network in CIDR notation without host bits",
 * }]
 */
type AllocationRange = string;

/**
 * A subnet that share servers get addresses from. While a share server uses it, it may only gain allocation ranges.
 *
 * @x-kubernetes-validations [
 *   {
 *     rule: "has(self.segmentationID) == (self.networkType != 'flat')",
 *     message: "networkType vlan, vxlan and gre need a segmentationID, flat has none",
 *     fieldPath: ".segmentationID",
 *   },
 *   {
 *     rule: "self.networkType != 'vlan' || !has(self.segmentationID) || self.segmentationID <= 4094",
 *     message: "with networkType vlan must be 1 to 4094",
 *     fieldPath: ".segmentationID",
 *   },
 *   {
 *     rule: "self.networkType != 'vxlan' || !has(self.segmentationID) || self.segmentationID <= 16777215",
 *     message: "with networkType vxlan must be 1 to 16777215",
 *     fieldPath: ".segmentationID",
 *   },
 *   {
 *     rule: "!has(self.gateway) || !isIP(self.gateway) || !isCIDR(self.cidr) || cidr(self.cidr).containsIP(self.gateway)",
 *     message: "must be an address of the subnet's cidr",
 *     fieldPath: ".gateway",
 *   },
 *   {
 *     rule: "!has(self.allocationRanges) || !isCIDR(self.cidr) || self.allocationRanges.all(r, \
 *       r.contains('-') \
 *         ? r.split('-').all(a, !isIP(a) || cidr(self.cidr).containsIP(a)) \
 *         : !isCIDR(r) || cidr(self.cidr).containsCIDR(r))",
 *     message: "must lie within the subnet's cidr",
 *     fieldPath: ".allocationRanges",
 *   },
 * ]
 */
export interface ShareNetworkSubnet {
  /** Name, unique in the network. */
  readonly name: LabelName;
  /** Availability zone that the subnet serves; absent: every zone without a subnet of its own. */
  readonly availabilityZone?: AvailabilityZone;
  /**
   * Kind of segment. Which segments a namespace may use is the StorageBackend's decision.
   *
   * @default flat
   */
  readonly networkType?: NetworkType;
  /**
   * VLAN id (1 to 4094), VXLAN id (1 to 16777215) or GRE key (1 to 4294967295); absent on a flat network.
   *
   * @minimum 1
   * @maximum 4294967295
   */
  readonly segmentationID?: number;
  /** Address range of the subnet in CIDR notation. */
  readonly cidr: CIDR;
  /** Address of the gateway; never given to a share server. */
  readonly gateway?: IPAddress;
  /**
   * Maximum transmission unit in bytes; absent: the backend's.
   *
   * @minimum 68
   * @maximum 65535
   */
  readonly mtu?: number;
  /**
   * Ranges that share servers take addresses from: `first-last` (inclusive) or CIDR; absent: the whole subnet. Ranges must not
   * overlap. The network and broadcast addresses and the gateway are never given.
   *
   * @minItems 1
   * @maxItems 32
   */
  readonly allocationRanges?: readonly AllocationRange[];
}

/** How a change of security services walks over the share servers; both limits 1 make a change a canary. */
export interface SecurityServiceChangePolicy {
  /**
   * Share servers that are changed at once; absent: all.
   *
   * @minimum 1
   * @maximum 10000
   */
  readonly maxConcurrentServers?: number;
  /**
   * Failures after which share servers not yet begun keep their old services; absent: no limit.
   *
   * @minimum 1
   * @maximum 10000
   */
  readonly maxFailures?: number;
}

/**
 * Desired state of a ShareNetwork. Security services and subnets may be changed while the status is active.
 *
 * @x-kubernetes-validations [{
 *   rule: "!has(self.subnets) || self.subnets.all(a, self.subnets.exists_one(b, has(a.availabilityZone) == has(b.availabilityZone) \
 *     && (!has(a.availabilityZone) || a.availabilityZone == b.availabilityZone)))",
 *   message: "at most one subnet of each availabilityZone, and at most one without",
 *   fieldPath: ".subnets",
 * }]
 */
export interface ShareNetworkSpec {
  /**
   * Security services of the share servers on this network, one per type. While the network has share servers, an entry may be
   * added or its name changed, not removed: every share server is then reconfigured, one driver call per changed type in
   * this order.
   *
   * @maxItems 3
   * @x-kubernetes-list-type map
   * @x-kubernetes-list-map-keys ["type"]
   */
  readonly securityServices?: readonly SecurityServiceReference[];
  /**
   * Subnets of the network, at most one per availability zone.
   *
   * @maxItems 16
   * @x-kubernetes-list-type map
   * @x-kubernetes-list-map-keys ["name"]
   */
  readonly subnets?: readonly ShareNetworkSubnet[];
  /** How a change of security services walks over the share servers; absent: all at once, without a limit of failures. */
  readonly securityServiceChange?: SecurityServiceChangePolicy;
  /** Text for people. */
  readonly description?: Description;
}

/** Phase of a ShareNetwork. */
export type ShareNetworkPhase = 'active' | 'network_change' | 'error';

/** A SecurityService as the network records it. */
export interface RecordedSecurityService {
  /** Type of the service. */
  readonly type: SecurityServiceType;
  /** Name of the SecurityService. */
  readonly name: ResourceName;
  /** UID of the SecurityService. */
  readonly uid: UID;
  /** Generation of the SecurityService when it was recorded; informational. */
  readonly generation: number;
}

/** What a change does to the service of one type. */
export interface SecurityServiceChange {
  /** Type of the service. */
  readonly type: SecurityServiceType;
  /** add: the type had no service. update: another service of the type. reapply: the same service with present data. */
  readonly operation: 'add' | 'update' | 'reapply';
  /** The service before; absent for `add`. */
  readonly from?: RecordedSecurityService;
  /** The service wanted. */
  readonly to: RecordedSecurityService;
}

/** A change in progress. */
export interface NetworkChangeRecord {
  /** Identifier of the change. */
  readonly id: OperatorText;
  /** marking: share servers are being marked, no driver is called yet. applying: drivers may be called. */
  readonly stage: 'marking' | 'applying';
  /** Which servers take part: all, or only those not up to date. */
  readonly scope: 'all' | 'outdated';
  /**
   * What changes, in the order in which drivers are called.
   *
   * @maxItems 16
   */
  readonly changes: readonly SecurityServiceChange[];
  /** What asked for it: `spec`, or `reapply/<token>`. */
  readonly requestedBy: OperatorText;
  /** When the change was committed. */
  readonly startedTime: Time;
  /** Set when the change was aborted: servers not yet begun keep their old services. */
  readonly aborted?: boolean;
}

/** The last finished change. */
export interface LastNetworkChange {
  /** Identifier of the change. */
  readonly id: OperatorText;
  /**
   * What changed.
   *
   * @maxItems 16
   */
  readonly changes: readonly SecurityServiceChange[];
  /** What asked for it: `spec`, or `reapply/<token>`. */
  readonly requestedBy: OperatorText;
  /** When the change was committed. */
  readonly startedTime: Time;
  /** When the last share server was done. */
  readonly finishedTime: Time;
  /** Succeeded: every server took it. Failed: at least one failed. Stopped: none failed, some were not attempted. Reset: an administrator reset the phase in the middle. */
  readonly result: 'Succeeded' | 'Failed' | 'Stopped' | 'Reset';
  /**
   * Servers that failed, the first five.
   *
   * @maxItems 16
   */
  readonly failedServers?: readonly ResourceName[];
  /** How many servers failed. */
  readonly failed?: number;
  /** How many servers were not attempted. */
  readonly notAttempted?: number;
}

/** Answer to the annotation `sharenet.io/check-security-services`. */
export interface SecurityServiceCheck {
  /**
   * The annotation's value that was checked.
   *
   * @maxLength 4096
   */
  readonly request: string;
  /** Digest of what was checked (services and servers); another digest would be another verdict. */
  readonly digest: OperatorText;
  /** When it was checked. */
  readonly checkedTime: Time;
  /** Whether a change would be accepted now. */
  readonly compatible: boolean;
  /** Reason when not. */
  readonly reason?: OperatorText;
  /** Explanation. */
  readonly message?: Message;
  /**
   * Verdict of each server's driver, the first fifty.
   *
   * @maxItems 64
   */
  readonly servers?: readonly SecurityServiceCheckServer[];
}

/** Verdict of one share server. */
export interface SecurityServiceCheckServer {
  /** Name of the ShareServer. */
  readonly name: ResourceName;
  /** Whether the server can take the change. */
  readonly compatible: boolean;
  /** Explanation of the driver. */
  readonly message?: Message;
  /** Whether open sessions would be cut. */
  readonly disruptsSessions?: boolean;
  /** How long the server would be out, in seconds. */
  readonly estimatedSeconds?: number;
}

/** Numbers of share servers by phase. */
export interface ShareServerCounts {
  /** All share servers of the network. */
  readonly total: number;
  /** Servers in phase active. */
  readonly active: number;
  /** Servers in phase network_change. */
  readonly networkChange: number;
  /** Servers in phase error. */
  readonly error: number;
}

/** Observed state of a ShareNetwork. */
export interface ShareNetworkStatus {
  /**
   * Generation of the spec that this status describes; -1 before the operator has seen the object.
   *
   * @minimum -1
   */
  readonly observedGeneration?: number;
  /**
   * State of the network. active: in use. network_change: its share servers are being given changed security services, or an
   * administrator set it for maintenance; everything on the network waits. error: the operator can't tell where a change stands;
   * it waits for an administrator. An administrator may reset it.
   */
  readonly phase?: ShareNetworkPhase;
  /** The phase as the operator last wrote it; differs from `phase` only until a reset by an administrator was taken note of. */
  readonly recordedPhase?: ShareNetworkPhase;
  /** Conditions: Ready, SecurityServicesUpToDate; Reconciling and Stalled while true. */
  readonly conditions?: Conditions;
  /** Object that `Ready` says this one waits for. */
  readonly waitingFor?: ObjectReference;
  /** Whether every share server can take a changed security service while in use. */
  readonly securityServiceUpdateSupport?: boolean;
  /**
   * The association in force: the services that share servers have or are being given.
   *
   * @maxItems 16
   */
  readonly securityServices?: readonly RecordedSecurityService[];
  /** The change in progress. */
  readonly networkChange?: NetworkChangeRecord;
  /** The last finished change. */
  readonly lastNetworkChange?: LastNetworkChange;
  /** Identifier of a change whose state the operator can't determine: it set the phase to error. */
  readonly invalidChange?: OperatorText;
  /** Answer to the annotation `sharenet.io/check-security-services`. */
  readonly check?: SecurityServiceCheck;
  /** Numbers of share servers by phase. */
  readonly shareServers?: ShareServerCounts;
  /** The last handled value of the annotation `sharenet.io/reapply-requested-at`. */
  readonly lastHandledReapplyAt?: RequestToken;
  /** The last value of that annotation for which credentials that a directory had refused were tried again. */
  readonly triedReapplyAt?: RequestToken;
  /** The last handled value of the annotation `sharenet.io/reconcile-requested-at`. */
  readonly lastHandledReconcileAt?: RequestToken;
}

/**
 * A network that share servers are connected to, with its security services. Changing a security service of a network that has
 * share servers reconfigures all of them while the network's phase is network_change.
 *
 * @x-kubernetes-validations [
 *   {
 *     rule: "!has(oldSelf.status) || !has(oldSelf.status.phase) || oldSelf.status.phase == 'active' \
 *       || unchanged(spec.securityServices)",
 *     message: "security services can't be changed while the share network is not active (ShareNetworkNotActive); retry once the network is active",
 *     messageExpression: "r'''security services can't be changed while the share network is not active but in ''' + oldSelf.status.phase + ' (ShareNetworkNotActive); retry once the network is active'",
 *     reason: "FieldValueForbidden",
 *     fieldPath: ".spec.securityServices",
 *   },
 *   {
 *     rule: "!has(oldSelf.status) || !has(oldSelf.status.phase) || oldSelf.status.phase == 'active' \
 *       || unchanged(spec.subnets)",
 *     message: "subnets can't be changed while the share network is not active (ShareNetworkNotActive); retry once the network is active",
 *     messageExpression: "r'''subnets can't be changed while the share network is not active but in ''' + oldSelf.status.phase + ' (ShareNetworkNotActive); retry once the network is active'",
 *     reason: "FieldValueForbidden",
 *     fieldPath: ".spec.subnets",
 *   },
 * ]
 */
export interface ShareNetwork extends KubeObject {
  readonly spec: ShareNetworkSpec;
  /** @default {observedGeneration: -1, phase: "active"} */
  readonly status?: ShareNetworkStatus;
}
