import type { KubeObject } from '../../runtime/kube-object.ts';
import type { AccessLevel, AccessType } from './backend-capabilities.ts';
import type { Conditions } from './conditions.ts';
import type { ObjectReference } from './finding.ts';
import type { RequestToken, ResourceName } from './formats.ts';

/**
 * Desired state of a ShareAccess. Everything but `accessLevel` is immutable.
 *
 * @x-kubernetes-validations [
 *   {
 *     rule: "self.shareName == oldSelf.shareName",
 *     message: "shareName is immutable",
 *     reason: "FieldValueForbidden",
 *     fieldPath: ".shareName",
 *   },
 *   {
 *     rule: "self.accessType == oldSelf.accessType",
 *     message: "accessType is immutable",
 *     reason: "FieldValueForbidden",
 *     fieldPath: ".accessType",
 *   },
 *   {
 *     rule: "self.accessTo == oldSelf.accessTo",
 *     message: "accessTo is immutable",
 *     reason: "FieldValueForbidden",
 *     fieldPath: ".accessTo",
 *   },
 *   {
 *     rule: "self.accessType != 'ip' || isIP(self.accessTo) \
 *       || (isCIDR(self.accessTo) && cidr(self.accessTo) == cidr(self.accessTo).masked())",
 *     message: "accessType ip needs an IPv4 or IPv6 address or a CIDR without host bits, without leading zeros and without a zone (InvalidAccessRule)",
 *     messageExpression: "r'''accessType ip needs an IPv4 or IPv6 address or a CIDR without host bits, without leading zeros and without a zone; it is \"''' + self.accessTo + '\" (InvalidAccessRule)'",
 *     fieldPath: ".accessTo",
 *   },
 *   {
 *     rule: "self.accessType != 'user' || (!self.accessTo.matches(r'[][\"/:;|=,+*?<>%]') \
 *       && !self.accessTo.matches(r'^[-@\\p{Z}]|\\p{Z}$|^[.]+$') \
 *       && !self.accessTo.matches(r'^\\x5c|\\x5c$|\\x5c.*\\x5c|\\p{Z}\\x5c|\\x5c[-@\\p{Z}]|\\x5c[.]+$'))",
 *     message: "accessType user needs 1 to 255 characters, none of \"/[]:;|=,+*?<>%, at most one backslash between a domain and a name, not beginning with '-' or '@', without a space at either end, not only dots (InvalidAccessRule)",
 *     messageExpression: "r'''accessType user needs 1 to 255 characters, none of \"/[]:;|=,+*?<>%, at most one backslash between a domain and a name, not beginning with '-' or '@', without a space at either end, not only dots; it is \"''' + self.accessTo + '\" (InvalidAccessRule)'",
 *     fieldPath: ".accessTo",
 *   },
 *   {
 *     rule: "self.accessType != 'cert' || (self.accessTo.trim().size() >= 1 && self.accessTo.trim().size() <= 64 \
 *       && !self.accessTo.trim().matches('^[-@]|%'))",
 *     message: "accessType cert needs a common name of 1 to 64 characters, not beginning with '-' or '@', without % (InvalidAccessRule)",
 *     messageExpression: "r'''accessType cert needs a common name of 1 to 64 characters, not beginning with '-' or '@', without %; it is \"''' + self.accessTo + '\" (InvalidAccessRule)'",
 *     fieldPath: ".accessTo",
 *   },
 *   {
 *     rule: "self.accessType != 'cephx' || (self.accessTo.matches('^[ -~]{1,64}$') && !self.accessTo.matches('^[-@ ]|[.%]'))",
 *     message: "accessType cephx needs an id of 1 to 64 printable ASCII characters, without '.' and '%', not beginning with '-', '@' or a space (InvalidAccessRule)",
 *     messageExpression: "r'''accessType cephx needs an id of 1 to 64 printable ASCII characters, without '.' and '%', not beginning with '-', '@' or a space; it is \"''' + self.accessTo + '\" (InvalidAccessRule)'",
 *     fieldPath: ".accessTo",
 *   },
 * ]
 */
export interface ShareAccessSpec {
  /** Share that the rule is for, in the same namespace. Immutable. The share may be created later. */
  readonly shareName: ResourceName;
  /** Type of the target. Immutable. Which types a share takes depends on its protocol and its backend. */
  readonly accessType: AccessType;
  /**
   * Who gets access. Immutable. With accessType ip: an address or a CIDR without host bits; user: a user or group of the
   * directory, with at least 4 characters unless the backend's directory has shorter names; cert: a certificate's common name; cephx: an id of the Ceph cluster without the `client.` prefix.
   *
   * @minLength 1
   * @maxLength 255
   * @pattern ^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+$
   * @patternMessage must not contain control characters, line breaks or invisible characters
   */
  readonly accessTo: string;
  /**
   * Level of access: rw may write, ro may only read. May be changed.
   *
   * @default rw
   */
  readonly accessLevel?: AccessLevel;
}

/** Phase of a ShareAccess. */
export type ShareAccessPhase =
  | 'queued_to_apply'
  | 'applying'
  | 'active'
  | 'error'
  | 'queued_to_update'
  | 'updating'
  | 'queued_to_deny'
  | 'denying';

/**
 * Why a rule is in phase `error`.
 * - `Invalid`: the rule can't be applied as it is; the operator checks again whenever its share is reconciled.
 * - `ShareServer`: its share server failed; the rule is recovered with the server.
 * - `AccessKeySecret`: a Secret with the name that the access key requires does not belong to the rule.
 * - `Rejected`: the backend refused the rule.
 * - `Call`: a driver call for the rule failed, or returned no usable access key.
 *
 * After `Rejected` and `Call` the rule is not tried again until its spec changes or a reconcile is requested.
 */
export type ShareAccessFailure = 'Invalid' | 'ShareServer' | 'AccessKeySecret' | 'Rejected' | 'Call';

/** Reference to the Secret that holds the rule's access key. */
export interface AccessKeySecretReference {
  /** Name of the Secret in the rule's namespace; its keys are accessKey, userID and userKey. */
  readonly name: ResourceName;
}

/** Observed state of a ShareAccess. */
export interface ShareAccessStatus {
  /**
   * Generation of the spec that this status describes; -1 before the operator has seen the object.
   *
   * @minimum -1
   */
  readonly observedGeneration?: number;
  /**
   * State of the rule. active: the client has access at `accessLevel`. queued_to_apply, queued_to_update, queued_to_deny: waits
   * for its turn. applying, updating, denying: the driver is at work. error: refused by the backend, or its share server failed.
   */
  readonly phase?: ShareAccessPhase;
  /**
   * Why the phase is error; absent in every other phase. Invalid: the rule can't be applied as it is. ShareServer: its share server
   * failed. AccessKeySecret: the name of the access key's Secret is in use. Rejected: the backend refused the rule. Call: a driver
   * call failed or returned no usable key. After Rejected and Call the rule is not tried again until its spec changes or a
   * reconcile is requested.
   */
  readonly failure?: ShareAccessFailure;
  /** Conditions: Ready; Reconciling and Stalled while true. */
  readonly conditions?: Conditions;
  /** Object that `Ready` says this one waits for. */
  readonly waitingFor?: ObjectReference;
  /** Level that is applied on the backend. */
  readonly accessLevel?: AccessLevel;
  /** Secret that holds the access key; absent for types without a key. */
  readonly accessKeySecretRef?: AccessKeySecretReference;
  /** true when the backend may have another access key than the Secret, because the API server refused to store it. */
  readonly accessKeyOutdated?: boolean;
  /** The last handled value of the annotation `sharenet.io/reconcile-requested-at`. */
  readonly lastHandledReconcileAt?: RequestToken;
}

/**
 * A rule that gives a client access to a share. Where the backend mints a credential for it (cephx), the key is put into a Secret
 * that `status.accessKeySecretRef` names. Its own name has at most 242 characters: the Secret's name is made from it.
 *
 * @x-kubernetes-validations [{
 *   rule: "oldSelf.hasValue() || self.metadata.name.size() <= 242",
 *   optionalOldSelf: true,
 *   message: "the name must have at most 242 characters: the name of the access key's Secret is made from it",
 * }]
 */
export interface ShareAccess extends KubeObject {
  readonly spec: ShareAccessSpec;
  /** @default {observedGeneration: -1, phase: "queued_to_apply"} */
  readonly status?: ShareAccessStatus;
}
