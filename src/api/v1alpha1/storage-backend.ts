import type { KubeObject } from '../../runtime/kube-object.ts';
import type {
  CIDR,
  Conditions,
  DriverText,
  Duration,
  LabelName,
  QuantityText,
  RequestToken,
  ResourceName,
} from './formats.ts';

/**
 * How namespaces are chosen.
 *
 * @x-kubernetes-validations [{
 *   rule: "has(self.selector) == (self.from == 'Selector')",
 *   message: "from Selector needs a selector, from All takes none",
 *   fieldPath: ".selector",
 * }]
 */
export interface NamespaceSelection {
  /** `All`: every namespace. `Selector`: the namespaces whose labels match `selector`. */
  readonly from: 'All' | 'Selector';
  /** Label selector over Namespaces; needed with `from: Selector`. */
  readonly selector?: LabelSelector;
}

/** A label selector as Kubernetes knows it: everything in it must hold; an empty one matches everything. */
export interface LabelSelector {
  /**
   * Labels that must have exactly these values.
   *
   * @maxProperties 32
   */
  readonly matchLabels?: Readonly<Record<string, LabelValue>>;
  /**
   * Requirements that must all hold.
   *
   * @maxItems 32
   */
  readonly matchExpressions?: readonly LabelSelectorRequirement[];
}

/**
 * One requirement of a label selector.
 *
 * @x-kubernetes-validations [{
 *   rule: "has(self.values) == (self.operator in ['In', 'NotIn'])",
 *   message: "operators In and NotIn need values, Exists and DoesNotExist take none",
 *   fieldPath: ".values",
 * }]
 */
export interface LabelSelectorRequirement {
  /**
   * The label's key.
   *
   * @maxLength 317
   * @pattern ^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$
   */
  readonly key: string;
  /** How the label's value relates to `values`. */
  readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
  /**
   * Values for `In` and `NotIn`.
   *
   * @minItems 1
   * @maxItems 64
   */
  readonly values?: readonly LabelValue[];
}

/**
 * Value of a label.
 *
 * @maxLength 63
 * @pattern ^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$
 */
type LabelValue = string;

/**
 * Network segments that subnets on this backend may use.
 *
 * @x-kubernetes-validations [{
 *   rule: "self.networkType != 'flat' || !has(self.segmentationIDs)",
 *   message: "a flat network has no segmentation ids",
 *   fieldPath: ".segmentationIDs",
 * }]
 */
export interface AllowedSegment {
  /** Kind of segment. */
  readonly networkType: NetworkType;
  /**
   * Segmentation ids, each a number or an inclusive range `first-last`; absent: any.
   *
   * @minItems 1
   * @maxItems 64
   */
  readonly segmentationIDs?: readonly SegmentationIDRange[];
  /**
   * CIDRs that a subnet's `cidr` must lie in; absent: any.
   *
   * @minItems 1
   * @maxItems 64
   */
  readonly cidrs?: readonly CIDR[];
  /** Namespaces that may use the segment; absent: all. */
  readonly namespaces?: NamespaceSelection;
}

/**
 * Segmentation id or inclusive range of them.
 *
 * @maxLength 21
 * @x-kubernetes-validations [{
 *   rule: "self.matches('^[0-9]{1,10}(-[0-9]{1,10})?$') \
 *     && int(self.split('-')[0]) >= 1 && int(self.split('-')[0]) <= int(self.split('-')[self.split('-').size() - 1]) \
 *     && int(self.split('-')[self.split('-').size() - 1]) <= 4294967295",
 *   message: "must be a number or first-last, from 1 to 4294967295, first not above last",
 * }]
 */
type SegmentationIDRange = string;

/** Kind of network segment a subnet lives on. */
export type NetworkType = 'flat' | 'vlan' | 'vxlan' | 'gre';

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
  readonly cephfs?: CephFSBackendConfig;
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
 * Configuration of the embedded dummy driver: a believable backend without storage.
 *
 * @x-kubernetes-validations [{
 *   rule: "!self.latency.matches(r'''^(0|([0-9]+([.][0-9]+)?(ns|us|µs|ms|s|m|h))+)$''') || duration(self.latency) <= duration('24h')",
 *   message: "latency must be at most 24h",
 *   fieldPath: ".latency",
 * }]
 */
export interface DummyBackendConfig {
  /**
   * Whether the backend makes share servers.
   *
   * @default true
   */
  readonly driverHandlesShareServers?: boolean;
  /**
   * Whether its share servers can take a changed security service while in use; without share servers it can't.
   *
   * @default true
   */
  readonly securityServiceUpdateSupport?: boolean;
  /**
   * Types of security services that its share servers can use.
   *
   * @default ["active_directory", "ldap", "kerberos"]
   * @maxItems 16
   */
  readonly securityServiceTypes?: readonly SecurityServiceType[];
  /**
   * Protocols that it serves shares by.
   *
   * @default ["NFS", "CIFS", "CEPHFS"]
   * @maxItems 16
   */
  readonly shareProtocols?: readonly ShareProtocol[];
  /**
   * Whether cephx rules get an access key.
   *
   * @default true
   */
  readonly accessKeys?: boolean;
  /**
   * Time that every call takes, as a Go duration.
   *
   * @default "0s"
   */
  readonly latency?: Duration;
  /**
   * Directory that keeps the backend's state over restarts and the call log `calls.jsonl`; absent: memory only.
   *
   * @maxLength 4096
   * @pattern ^/[^%\p{Cc}\p{Zl}\p{Zp}]*$
   * @patternMessage must be an absolute path without "%" and control characters
   */
  readonly stateDirectory?: string;
  /**
   * Whether an update of a security service makes new access keys.
   *
   * @default false
   */
  readonly rotateKeysOnUpdate?: boolean;
  /**
   * Length of the access keys it makes, in characters. More than 255 are refused by the operator, which can be shown so.
   *
   * @default 40
   * @minimum 8
   * @maximum 4096
   */
  readonly accessKeyLength?: number;
  /**
   * Faults to inject, in order; the first match applies.
   *
   * @maxItems 64
   */
  readonly faults?: readonly DummyFault[];
}

/** A fault that the dummy driver injects into matching calls. */
export interface DummyFault {
  /**
   * Name of the driver method, for example `updateShareServerSecurityService`.
   *
   * @maxLength 63
   * @pattern ^[A-Za-z]+$
   * @patternMessage must be letters
   */
  readonly operation: string;
  /** Names that a call must concern; absent: every call of the operation. */
  readonly match?: DummyFaultMatch;
  /**
   * What happens to the call. rejected and unavailable: it fails with an error of that kind. hang: it does not answer.
   * incompatible: a check says no. ruleError: the matching rule fails, the others do not. inProgress: the work goes on after
   * the call.
   */
  readonly kind: 'rejected' | 'unavailable' | 'hang' | 'incompatible' | 'ruleError' | 'inProgress';
  /**
   * Text of the error.
   *
   * @maxLength 32768
   */
  readonly message?: string;
  /** With kind rejected or incompatible: the directory refuses the credentials of the security services of the call. */
  readonly refusesCredentials?: boolean;
  /**
   * How often the fault strikes; 0 or absent: always.
   *
   * @minimum 0
   */
  readonly times?: number;
}

/**
 * Name of an object that a dummy fault is limited to.
 *
 * @maxLength 255
 */
type FaultSubject = string;

/** Object names that a dummy fault is limited to; all that are given must match. */
export interface DummyFaultMatch {
  /** Namespace of the object. */
  readonly namespace?: FaultSubject;
  /** Name of the ShareServer. */
  readonly shareServer?: FaultSubject;
  /** Name of the Share. */
  readonly share?: FaultSubject;
  /** accessTo of the rule. */
  readonly accessTo?: FaultSubject;
  /** Name of the new SecurityService. */
  readonly securityService?: FaultSubject;
}

/** Configuration of the CephFS driver: shares are subvolumes of one file system of a Ceph cluster. */
export interface CephFSBackendConfig {
  /**
   * Monitors of the cluster, as operator and clients reach them.
   *
   * @minItems 1
   * @maxItems 32
   * @x-kubernetes-list-type set
   */
  readonly monitors: readonly MonitorAddress[];
  /**
   * Ceph user of the operator, without `client.`. What it must be allowed is in docs/cephfs.md.
   *
   * @minLength 1
   * @maxLength 128
   * @pattern ^[A-Za-z0-9][-A-Za-z0-9_.]*$
   * @patternMessage must be letters, digits, "-", "_" and ".", beginning with a letter or digit
   * @x-kubernetes-validations [{
   *   rule: "!self.startsWith('client.')",
   *   message: "is the name of a Ceph user without client.",
   * }]
   */
  readonly user: string;
  /** Secret in the namespace of the operator with the user's key as `userKey`. */
  readonly credentialsSecretName: ResourceName;
  /**
   * Name of the file system in the cluster. It can't change while the backend is in use.
   *
   * @minLength 1
   * @maxLength 128
   * @pattern ^[A-Za-z0-9][-A-Za-z0-9_.]*$
   * @patternMessage must be letters, digits, "-", "_" and ".", beginning with a letter or digit
   */
  readonly fsName: string;
  /**
   * Subvolume group that holds the shares; made where it is missing. It can't change while the backend is in use.
   *
   * @default "sharenet"
   * @minLength 1
   * @maxLength 128
   * @pattern ^[A-Za-z0-9][-A-Za-z0-9_.]*$
   * @patternMessage must be letters, digits, "-", "_" and ".", beginning with a letter or digit
   */
  readonly group?: string;
  /**
   * What export locations tell as `clusterID`, for ceph-csi; absent: the cluster's fsid.
   *
   * @minLength 1
   * @maxLength 128
   * @pattern ^[A-Za-z0-9][-A-Za-z0-9_.]*$
   * @patternMessage must be letters, digits, "-", "_" and ".", beginning with a letter or digit
   */
  readonly clusterID?: string;
  /**
   * Mode of the root directory of a new share, in octal digits.
   *
   * @default "0755"
   * @maxLength 4
   * @pattern ^0?[0-7]{3}$
   * @patternMessage must be three octal digits, such as 0755
   */
  readonly mode?: string;
  /**
   * Cephx ids that access rules of other namespaces must not use. Of several entries for one id each adds its namespaces. An id that a
   * rule was granted before stays granted.
   *
   * @maxItems 32
   */
  readonly reservedIDs?: readonly ReservedCephxIDs[];
}

/**
 * Cephx ids, and who may use them.
 *
 * @x-kubernetes-validations [{
 *   rule: "has(self.ids) || has(self.prefixes)",
 *   message: "needs ids or prefixes",
 * }]
 */
export interface ReservedCephxIDs {
  /**
   * Ids without `client.`, compared to the letter.
   *
   * @minItems 1
   * @maxItems 128
   * @x-kubernetes-list-type set
   */
  readonly ids?: readonly CephxID[];
  /**
   * Beginnings of ids.
   *
   * @minItems 1
   * @maxItems 32
   * @x-kubernetes-list-type set
   */
  readonly prefixes?: readonly CephxID[];
  /** Namespaces whose rules may use them; absent: none, the ids are for the administrators of the Ceph cluster. */
  readonly namespaces?: NamespaceSelection;
}

/**
 * Id of the Ceph cluster, or its beginning, as access rules can name it.
 *
 * @minLength 1
 * @maxLength 64
 * @pattern ^[!-$&-,/-?A-~][ -$&-\-/-~]*$
 * @patternMessage must be printable ASCII characters without "%" and ".", not beginning with "-", "@" or a blank
 */
type CephxID = string;

/**
 * A monitor: its host name or address, with its port unless it has the usual ones, an IPv6 address in brackets. Also as Ceph writes it
 * (`v2:192.0.2.1:3300/0`, `[v2:192.0.2.1:3300,v1:192.0.2.1:6789]`), and several as in `mon_host` of a ceph.conf.
 *
 * @minLength 1
 * @maxLength 1024
 */
type MonitorAddress = string;

/**
 * Configuration of the Samba driver: Linux hosts, reached over SSH, on which each share server is a Samba instance in namespaces
 * of its own.
 */
export interface SambaBackendConfig {
  /**
   * The file server hosts. One that has share servers must stay, with its name and root.
   *
   * @minItems 1
   * @maxItems 32
   * @x-kubernetes-list-type map
   * @x-kubernetes-list-map-keys ["name"]
   */
  readonly hosts: readonly SambaHost[];
  /**
   * Secret in the namespace of the operator with the private SSH key as `sshPrivateKey`, or as `<host name>.sshPrivateKey` for one
   * host alone.
   */
  readonly credentialsSecretName: ResourceName;
  /**
   * NetBIOS workgroup of share servers that are in no domain.
   *
   * @default "WORKGROUP"
   * @minLength 1
   * @maxLength 15
   * @pattern ^[A-Za-z0-9][-A-Za-z0-9_]*$
   * @patternMessage must be letters, digits, "-" and "_", beginning with a letter or digit
   */
  readonly workgroup?: string;
  /**
   * Networks that share servers must not reach for a tenant, such as those of nodes and of the hosts' management. Loopback,
   * link-local, multicast and unspecified addresses are always denied.
   *
   * @maxItems 64
   * @x-kubernetes-list-type set
   */
  readonly deniedRanges?: readonly CIDR[];
  /**
   * Numbers for the users of domains: on a share server each domain has a range of its own, for ever. They can't change while the
   * backend is in use.
   */
  readonly idmap?: SambaIDMap;
  /**
   * Whether a share server writes its address into the DNS of its domain.
   *
   * @default true
   */
  readonly updateDNS?: boolean;
  /**
   * Whether shares may be made on networks without a security service. Nobody can log in there before one is added.
   *
   * @default false
   */
  readonly standaloneServers?: boolean;
  /**
   * Share servers on one host; absent: no limit.
   *
   * @minimum 1
   * @maximum 10000
   */
  readonly maxShareServersPerHost?: number;
}

/** A Linux host that runs share servers. How it is prepared is in docs/samba.md. */
export interface SambaHost {
  /** Name of the host in this backend; it becomes part of the identifiers of share servers. */
  readonly name: LabelName;
  /**
   * Where its SSH server is reached: host name or address, an IPv6 address without brackets.
   *
   * @minLength 1
   * @maxLength 253
   * @pattern ^([A-Za-z0-9]([-A-Za-z0-9.]*[A-Za-z0-9])?|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*)$
   * @patternMessage must be a host name or an address, an IPv6 address without brackets
   */
  readonly address: string;
  /**
   * Port of its SSH server.
   *
   * @default 22
   * @minimum 1
   * @maximum 65535
   */
  readonly port?: number;
  /**
   * User that the operator logs in as.
   *
   * @default "root"
   * @minLength 1
   * @maxLength 32
   * @pattern ^[a-z_][-a-z0-9_]*$
   * @patternMessage must be the name of a user: lower-case letters, digits, "-" and "_", beginning with a letter or "_"
   */
  readonly user?: string;
  /**
   * Public key of its SSH server, as a line of `/etc/ssh/ssh_host_*_key.pub` or of a known_hosts file. A server with another key is not
   * spoken to.
   *
   * @minLength 1
   * @maxLength 2048
   * @x-kubernetes-validations [
   *   {rule: "!self.startsWith('SHA256:') && !self.startsWith('MD5:')", message: "hostKey is a fingerprint: give the key itself, a line of /etc/ssh/ssh_host_*_key.pub"},
   *   {rule: "!self.matches(r'^[^\\n]*\\n[^\\n]')", message: "hostKey has more than one line: keep that of one key"},
   *   {rule: "self.startsWith('SHA256:') || self.startsWith('MD5:') || self.matches(r'^[^\\n]*\\n[^\\n]') || self.matches(r'^([^@\\s]\\S* +)?(ssh-ed25519|ecdsa-sha2-nistp(256|384|521)|ssh-rsa) +[A-Za-z0-9+/]+={0,2}([ \\t][^\\p{Cc}]*)?\\n?$')", message: "hostKey must be a public key of an SSH server, such as ssh-ed25519 AAAA..., alone or as a line of known_hosts"},
   * ]
   */
  readonly hostKey: string;
  /**
   * Directory that holds its share servers and their data.
   *
   * @minLength 2
   * @maxLength 255
   * @pattern ^(/[A-Za-z0-9_][-A-Za-z0-9_.]*)+$
   * @patternMessage must be an absolute path of plain names: letters, digits, "-", "_" and ".", none beginning with "-" or "."
   */
  readonly root: string;
  /**
   * Network interface that the addresses of share servers are put on: a bridge, or a device for macvlan and vlan.
   *
   * @minLength 1
   * @maxLength 15
   * @pattern ^[A-Za-z0-9][-A-Za-z0-9_.]*$
   * @patternMessage must be the name of a network interface: letters, digits, "-", "_" and ".", beginning with a letter or digit
   */
  readonly interface: string;
}

/**
 * Ranges of user and group numbers, alike on every share server: each has them for itself.
 *
 * @x-kubernetes-validations [{
 *   rule: "self.first + self.size * self.count <= 4294967294",
 *   message: "the last range ends beyond 4294967294, the highest user number",
 * }]
 */
export interface SambaIDMap {
  /**
   * First number of the first range, above those of the hosts' own users.
   *
   * @default 100000000
   * @minimum 65536
   * @maximum 4294967294
   */
  readonly first?: number;
  /**
   * Numbers in a range, which is the highest relative id of a user that can log in.
   *
   * @default 1000000
   * @minimum 10000
   * @maximum 100000000
   */
  readonly size?: number;
  /**
   * Ranges: one for each domain that a share server was ever in, and one for what is in none.
   *
   * @default 1000
   * @minimum 2
   * @maximum 100000
   */
  readonly count?: number;
}

/**
 * Types of security services.
 *
 * @maxItems 16
 */
type SecurityServiceTypes = readonly SecurityServiceType[];

/**
 * Types of access rules.
 *
 * @maxItems 16
 */
type AccessTypes = readonly AccessType[];

/** What a backend can do, as its driver reports it. */
export interface BackendCapabilities {
  /** Whether the driver makes share servers. */
  readonly driverHandlesShareServers: boolean;
  /** Whether its share servers can take a changed security service while in use. */
  readonly securityServiceUpdateSupport: boolean;
  /** Types of security services it can use. */
  readonly securityServiceTypes: SecurityServiceTypes;
  /**
   * Combinations of types it can use together; absent: every combination.
   *
   * @maxItems 16
   */
  readonly securityServiceCombinations?: readonly SecurityServiceTypes[];
  /**
   * Per share protocol: types of which one must be on the network before a share can be made.
   *
   * @maxProperties 16
   */
  readonly requiredSecurityServices?: Readonly<Record<string, SecurityServiceTypes>>;
  /**
   * Protocols it can serve.
   *
   * @maxItems 16
   */
  readonly shareProtocols: readonly ShareProtocol[];
  /**
   * Access types it takes, per protocol.
   *
   * @maxProperties 16
   */
  readonly accessTypesByProtocol: Readonly<Record<string, AccessTypes>>;
  /**
   * Access levels it takes.
   *
   * @maxItems 16
   */
  readonly accessLevels: readonly AccessLevel[];
  /** How its directories name users and groups of access rules; absent: as Manila does. */
  readonly userNames?: UserNameRules;
  /** Access types for which it mints an access key. */
  readonly accessKeyTypes: AccessTypes;
  /** Addresses that one share server needs. */
  readonly networkAllocationsPerServer: number;
  /** Opaque text of the driver; a change of it makes the operator look at every share again. */
  readonly backendInfo?: DriverText;
}

/** How directories name users and groups. */
export interface UserNameRules {
  /** Length of the shortest name; absent: 4. */
  readonly minLength?: number;
  /** Whether a name may have the form DOMAIN, backslash, name. */
  readonly domainQualified?: boolean;
  /** Whether names that differ only in upper and lower case are one. */
  readonly caseInsensitive?: boolean;
}

/** Space on a backend. */
export interface BackendCapacity {
  /** All space, as a quantity. */
  readonly total: QuantityText;
  /** Free space, as a quantity. */
  readonly available: QuantityText;
}

/** Type of a security service. */
export type SecurityServiceType = 'active_directory' | 'ldap' | 'kerberos';
/** Protocol a share is served with. */
export type ShareProtocol = 'NFS' | 'CIFS' | 'CEPHFS';
/** Type of an access rule's target. */
export type AccessType = 'ip' | 'user' | 'cert' | 'cephx';
/** Level of access. */
export type AccessLevel = 'rw' | 'ro';

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
