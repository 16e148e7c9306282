import type { KubeObject } from '../../runtime/kube-object.ts';
import type { SecurityServiceType } from './backend-capabilities.ts';
import type { Conditions } from './conditions.ts';
import type {
  Certificates,
  ConfigurationText,
  Description,
  DirectoryServer,
  IPAddress,
  Message,
  OperatorText,
  RequestToken,
  ResourceName,
  SecretKey,
  Time,
} from './formats.ts';

/** Reference to a key of a Secret in the same namespace. */
export interface SecretKeyReference {
  /** Name of the Secret; it must carry the label `sharenet.io/credentials: "true"`. */
  readonly name: ResourceName;
  /**
   * Key of the Secret's data.
   *
   * @default password
   */
  readonly key?: SecretKey;
}

/** How connections to an LDAP server are protected. */
export type DirectoryTLSMode = 'Required' | 'Opportunistic';

/** Reference to the certificates of authorities in a Secret of the same namespace. */
export interface CertificatesSecretReference {
  /**
   * Name of the Secret; it must carry the label `sharenet.io/credentials: "true"`, as every Secret that the operator reads for a
   * SecurityService.
   */
  readonly name: ResourceName;
  /**
   * Key of the Secret's data: certificates in PEM, 4096 bytes at most.
   *
   * @default ca.crt
   */
  readonly key?: SecretKey;
}

/**
 * TLS towards an LDAP directory.
 *
 * @x-kubernetes-validations [{
 *   rule: "!has(self.caBundle) || !has(self.caSecretRef)",
 *   message: "caBundle and caSecretRef can't be used together",
 *   fieldPath: ".caSecretRef",
 * }]
 */
export interface DirectoryTLS {
  /**
   * `Required`: share servers send the password only to a server that takes TLS (StartTLS, or the scheme ldaps) and shows a certificate
   * for the name or address in `servers`, issued by a known authority. `Opportunistic`: they use a server without, or with another
   * certificate, too, and warn of it; never one of the scheme ldaps, nor one that they verified before.
   *
   * @default Required
   */
  readonly mode?: DirectoryTLSMode;
  /** The authorities that may have issued the certificate. Without them and caSecretRef: those that the file server host knows. */
  readonly caBundle?: Certificates;
  /** A Secret with the authorities, instead of `caBundle`. */
  readonly caSecretRef?: CertificatesSecretReference;
}

/**
 * Desired state of a SecurityService. Everything but `description` is immutable while a share network with share servers uses it:
 * new data go into a new SecurityService, and the network's reference is changed to it.
 *
 * @x-kubernetes-validations [
 *   {
 *     rule: "self.type == oldSelf.type",
 *     message: "type is immutable",
 *     reason: "FieldValueForbidden",
 *     fieldPath: ".type",
 *   },
 *   {
 *     rule: "!has(self.defaultADSite) || !has(self.servers) || self.servers.size() == 0",
 *     message: "defaultADSite looks servers up in a site and can't be used together with servers",
 *     fieldPath: ".defaultADSite",
 *   },
 *   {
 *     rule: "!has(self.tls) || self.type == 'ldap'",
 *     message: "tls is for services of type ldap only: to Active Directory and Kerberos share servers log in with Kerberos, which never sends the password, and signs and encrypts what follows",
 *     fieldPath: ".tls",
 *   },
 * ]
 */
export interface SecurityServiceSpec {
  /** Kind of directory. Immutable. */
  readonly type: SecurityServiceType;
  /**
   * Addresses of the DNS servers that know the domain, in the order in which they are asked. Needed for active_directory and
   * kerberos.
   *
   * @maxItems 16
   */
  readonly dnsIPs?: readonly IPAddress[];
  /**
   * Names or addresses of the directory's servers, in order of preference. Needed for kerberos, and for ldap without a domain.
   *
   * @maxItems 16
   */
  readonly servers?: readonly DirectoryServer[];
  /**
   * Domain of an Active Directory, realm of a Kerberos, or DNS name or base DN of an LDAP directory. Needed for active_directory and
   * kerberos.
   */
  readonly domain?: ConfigurationText;
  /** Account that share servers log in or join with; of an LDAP directory a distinguished name. Needed for every type. */
  readonly user?: ConfigurationText;
  /** Where the account's password is kept. Needed for every type. */
  readonly passwordSecretRef?: SecretKeyReference;
  /**
   * Organizational unit for machine accounts, for example `OU=Filers,DC=example,DC=com`; of an LDAP directory, where its users are.
   * A distinguished name by RFC 4514, complete or below the domain.
   */
  readonly ou?: ConfigurationText;
  /** Active Directory site to look for servers in. Not together with `servers`. */
  readonly defaultADSite?: ConfigurationText;
  /**
   * How connections to the servers of a service of type ldap are protected; without it as with mode `Required`. Other types take no tls:
   * share servers log in to them with Kerberos, which never sends the password, and signs and encrypts what follows.
   */
  readonly tls?: DirectoryTLS;
  /** Text for people; may be changed at any time. */
  readonly description?: Description;
}

/** The last time that a directory refused the credentials of a service. */
export interface CredentialsRefusal {
  /** Names the credentials and where they were used, and tells nothing about them; others may be tried. */
  readonly credentials: OperatorText;
  /** Reason of the storage driver in CamelCase. */
  readonly reason: OperatorText;
  /** Explanation, safe for the tenant. */
  readonly message: Message;
  /** When they were refused. */
  readonly time: Time;
}

/** Observed state of a SecurityService. */
export interface SecurityServiceStatus {
  /**
   * Generation of the spec that this status describes; -1 before the operator has seen the object.
   *
   * @minimum -1
   */
  readonly observedGeneration?: number;
  /** Conditions: Ready (complete for its type, with a usable password). */
  readonly conditions?: Conditions;
  /** How many share networks record this service. */
  readonly shareNetworks?: number;
  /** Whether a share network with share servers records it: the spec is then immutable but for `description`. */
  readonly inUse?: boolean;
  /** Changes when the password changes; tells nothing about it. */
  readonly credentialsVersion?: OperatorText;
  /**
   * Set while a directory has refused the credentials. No share server tries them again until the Secret or the service changes, or a
   * request annotation asks for it: directories lock accounts after some refused attempts.
   */
  readonly refusal?: CredentialsRefusal;
  /** The last handled value of the annotation `sharenet.io/reconcile-requested-at`. */
  readonly lastHandledReconcileAt?: RequestToken;
}

/**
 * A directory (Active Directory, LDAP or Kerberos) that share servers take users and credentials from. ShareNetworks in the same
 * namespace refer to it by name.
 *
 * @x-kubernetes-validations [{
 *   rule: "!has(oldSelf.status) || !has(oldSelf.status.inUse) || !oldSelf.status.inUse || ( \
 *     self.spec.type == oldSelf.spec.type \
 *     && unchanged(spec.dnsIPs) \
 *     && unchanged(spec.servers) \
 *     && unchanged(spec.domain) \
 *     && unchanged(spec.user) \
 *     && unchanged(spec.passwordSecretRef) \
 *     && unchanged(spec.tls) \
 *     && unchanged(spec.ou) \
 *     && unchanged(spec.defaultADSite))",
 *   message: "only description may be changed while a share network with share servers uses the service (SecurityServiceInUse); make a new SecurityService and change the network's reference to it",
 *   reason: "FieldValueForbidden",
 *   fieldPath: ".spec",
 * }]
 */
export interface SecurityService extends KubeObject {
  readonly spec: SecurityServiceSpec;
  /** @default {observedGeneration: -1} */
  readonly status?: SecurityServiceStatus;
}
