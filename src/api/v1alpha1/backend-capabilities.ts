import type { DriverText, QuantityText } from './formats.ts';

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
