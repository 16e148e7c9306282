/** Protocol a share is served with. */
export type ShareProtocol = 'NFS' | 'CIFS' | 'CEPHFS';
/** Type of an access rule's target. */
export type AccessType = 'ip' | 'user' | 'cert' | 'cephx';
/** Level of access. */
export type AccessLevel = 'rw' | 'ro';
/** Type of a security service. */
export type SecurityServiceType = 'active_directory' | 'ldap' | 'kerberos';
/** Kind of network segment that a subnet is on. */
export type NetworkType = 'flat' | 'vlan' | 'vxlan' | 'gre';

/** The part of a logger that a driver uses. Fields first, then the text, as in pino. */
export interface DriverLogger {
  debug(fields: object, text: string): void;
  info(fields: object, text: string): void;
  warn(fields: object, text: string): void;
  error(fields: object, text: string): void;
}

/** Whom an object on the backend belongs to; the scope of its credentials. */
export interface Tenant {
  readonly namespace: string;
  /** UID of the namespace: names are reused, UIDs are not. */
  readonly namespaceUID: string;
}

/** The operation that a call is part of. */
export interface OperationContext {
  /** The same over retries, restarts and leaders. */
  readonly id: string;
  /** Token of an earlier {@link InProgress} answer. */
  readonly token?: string;
  /** 1 for the first call of the operation in this process. */
  readonly attempt: number;
}

/** What every call gets besides its arguments. */
export interface CallContext {
  /**
   * Aborts when the call took longer than the backend's operationTimeout, or at shutdown. What the call throws then is ignored:
   * whatever an aborted signal makes Node.js throw will do.
   */
  readonly signal: AbortSignal;
  readonly logger: DriverLogger;
  readonly operation: OperationContext;
  /** Which cluster this is; two clusters may share one storage system. */
  readonly installationID: string;
  readonly tenant: Tenant;
}

/** An address of a share server with what is needed to configure it. */
export interface DriverAllocation {
  readonly ipAddress: string;
  readonly prefixLength: number;
  readonly gateway?: string;
  /** Bytes. */
  readonly mtu?: number;
  readonly networkType: NetworkType;
  readonly segmentationID?: number;
  readonly subnetName: string;
}

/** A share server as drivers see it. */
export interface DriverServer {
  /** UID of the ShareServer; backend names derive from it. */
  readonly id: string;
  readonly name: string;
  /** Stable, at most 15 characters, safe as a NetBIOS name. */
  readonly hostname: string;
  readonly identifier?: string;
  readonly backendDetails: Readonly<Record<string, string>>;
  readonly backendSecrets: Readonly<Record<string, string>>;
  readonly allocations: readonly DriverAllocation[];
}

/** A subnet of a share network as drivers see it. */
export interface DriverSubnet {
  readonly name: string;
  /** Availability zone that the subnet serves; absent: every zone without a subnet of its own. */
  readonly availabilityZone?: string;
  /** Absent: flat. */
  readonly networkType?: NetworkType;
  readonly segmentationID?: number;
  /** Address range in CIDR notation. */
  readonly cidr: string;
  readonly gateway?: string;
  /** Bytes. */
  readonly mtu?: number;
  /** Ranges that share servers take addresses from, `first-last` or CIDR; absent: the whole subnet. */
  readonly allocationRanges?: readonly string[];
}

/** A share network as drivers see it. */
export interface DriverNetwork {
  readonly id: string;
  readonly name: string;
  readonly subnets: readonly DriverSubnet[];
  /** Those of the server that the call is about: the same as the server's own. */
  readonly allocations: readonly DriverAllocation[];
}

/** Where clients find a share. */
export interface DriverExportLocation {
  /** Path that clients mount. */
  readonly path: string;
  /** Address of the server. */
  readonly address?: string;
  /** Whether clients should use this location first. */
  readonly preferred?: boolean;
  /** Further facts, for example `fsName` and `clusterID` of CephFS; at most 64. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/** A share as drivers see it. */
export interface DriverShare {
  /** UID of the Share; backend names derive from it. */
  readonly id: string;
  readonly name: string;
  readonly protocol: ShareProtocol;
  /** Bytes. */
  readonly size: number;
  readonly identifier?: string;
  readonly exportLocations: readonly DriverExportLocation[];
}

/** A security service as drivers see it. The values are chosen by tenants: hostile until proven otherwise. */
export interface DriverSecurityService {
  readonly id: string;
  readonly name: string;
  readonly type: SecurityServiceType;
  readonly dnsIPs?: readonly string[];
  readonly servers?: readonly string[];
  readonly domain?: string;
  readonly user?: string;
  /** Absent where the Secret is gone or not marked as credentials. */
  readonly password?: string;
  readonly ou?: string;
  readonly defaultADSite?: string;
  /**
   * Of a service of type ldap. `Required`: the password goes to no server that was not verified. `Opportunistic`: unverified servers are
   * used with a warning, except those of the scheme ldaps and those that were verified before.
   */
  readonly tls?: DriverTLS;
}

/** How connections to a directory are to be protected. */
export interface DriverTLS {
  readonly mode: 'Required' | 'Opportunistic';
  /** Certificates of the authorities in PEM; absent: those that the storage system knows. */
  readonly caBundle?: string;
}

/** An access rule as drivers see it. */
export interface DriverAccessRule {
  /** UID of the ShareAccess. */
  readonly id: string;
  readonly name: string;
  readonly accessType: AccessType;
  /**
   * Hostile, but of the form of its type. `ip`: an IPv4 or IPv6 address, or a network as address/length without bits beyond the
   * length; no leading zeros, no zone.
   */
  readonly accessTo: string;
  readonly accessLevel: AccessLevel;
}

/** Something worth knowing that fails nothing. */
export interface DriverWarning {
  /** CamelCase, for example `MachineAccountLeft`. */
  readonly reason: string;
  readonly message: string;
}

/** Space on the backend in bytes. */
export interface DriverCapacity {
  readonly total: number;
  readonly available: number;
}

/** A published vulnerability of the storage system's software, in a version that runs. */
export interface KnownVulnerability {
  /** For example `CVE-2025-30156`. */
  readonly id: string;
  /** What an attacker gains, in some words. */
  readonly summary: string;
  /** What runs, and where, for example `Ceph 16.2.15 (mds, mgr, mon, osd)`. */
  readonly found: string;
  /** The first fixed version of each release line that has a fix. */
  readonly fixedVersions: readonly string[];
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

/** Answer of getCapabilities: what the backend can do. */
export interface Capabilities {
  /** Whether the driver creates share servers. */
  readonly driverHandlesShareServers: boolean;
  /** Whether its share servers can take a changed security service while in use. */
  readonly securityServiceUpdateSupport: boolean;
  /** Types of security services that it can use. */
  readonly securityServiceTypes: readonly SecurityServiceType[];
  /** Combinations of types that it can use together; absent: every combination. */
  readonly securityServiceCombinations?: readonly (readonly SecurityServiceType[])[];
  /** Per share protocol: types of which one must be on the network before a share can be created. */
  readonly requiredSecurityServices?: Readonly<Record<string, readonly SecurityServiceType[]>>;
  readonly shareProtocols: readonly ShareProtocol[];
  readonly accessTypesByProtocol: Readonly<Record<string, readonly AccessType[]>>;
  readonly accessLevels: readonly AccessLevel[];
  /** How its directories name users and groups of access rules; absent: as in Manila. */
  readonly userNames?: UserNameRules;
  /** Access types for which it creates an access key. */
  readonly accessKeyTypes: readonly AccessType[];
  /** Addresses that one share server needs. */
  readonly networkAllocationsPerServer: number;
  /** Opaque text; when it changes the operator checks every share again. */
  readonly backendInfo?: string;
  readonly capacity?: DriverCapacity;
  /**
   * What the storage system's versions are known to be vulnerable to. It is shown in the condition `KnownVulnerabilities` of the
   * backend and changes nothing else. Absent: the driver does not know.
   */
  readonly knownVulnerabilities?: readonly KnownVulnerability[];
}

/** What became of one rule. */
export interface AccessUpdate {
  /** At most 255 characters. */
  readonly accessKey?: string;
  readonly state?: 'error';
  /** One line, with state `error`. */
  readonly reason?: string;
}

/** Answer of updateAccess by rule id. */
export type AccessUpdates = ReadonlyMap<string, AccessUpdate>;

/** A share server with its network, for calls that concern it. */
export interface ServerRequest {
  readonly server: DriverServer;
  readonly network: DriverNetwork;
}

/** Request of setupServer and teardownServer. */
export interface ServerSetupRequest extends ServerRequest {
  readonly securityServices: readonly DriverSecurityService[];
}

/** Request about one share; `server` where the backend handles share servers. */
export interface ShareRequest {
  readonly share: DriverShare;
  readonly server?: DriverServer;
}

/** Request of extendShare and shrinkShare. */
export interface ResizeRequest extends ShareRequest {
  /** Bytes. */
  readonly newSize: number;
}

/** Request of updateAccess. All three delta lists empty: recovery. */
export interface AccessRequest extends ShareRequest {
  readonly accessRules: readonly DriverAccessRule[];
  readonly addRules: readonly DriverAccessRule[];
  readonly deleteRules: readonly DriverAccessRule[];
  readonly updateRules: readonly DriverAccessRule[];
}

/** The lists of access rules of one call. */
export type RuleLists = Pick<AccessRequest, 'accessRules' | 'addRules' | 'updateRules' | 'deleteRules'>;

/** Request of the check of a changed security service. */
export interface SecurityServiceCheckRequest extends ServerRequest {
  readonly shares: readonly DriverShare[];
  /** Rules by share id. */
  readonly accessRules: ReadonlyMap<string, readonly DriverAccessRule[]>;
  readonly newSecurityService: DriverSecurityService;
  readonly currentSecurityService?: DriverSecurityService;
}

/** Request of the update of a changed security service. */
export interface SecurityServiceUpdateRequest extends SecurityServiceCheckRequest {
  /** What the last failed attempt tried to set. */
  readonly attemptedSecurityService?: DriverSecurityService;
}

/** What an update would do to users. */
export interface UpdateImpact {
  readonly disruptsSessions: boolean;
  readonly estimatedSeconds: number;
  readonly text: string;
}

/** Answer of the check. */
export interface SecurityServiceCheckResult extends CredentialsResult {
  readonly compatible: boolean;
  readonly reason?: string;
  readonly message?: string;
  readonly impact?: UpdateImpact;
}

/** Answer of setupServer. */
export interface ServerSetupResult extends CredentialsResult {
  readonly identifier: string;
  readonly backendDetails: Readonly<Record<string, string>>;
  readonly backendSecrets?: Readonly<Record<string, string>>;
  readonly warnings?: readonly DriverWarning[];
}

/** Answer of createShare. */
export interface ShareCreateResult {
  readonly identifier: string;
  readonly exportLocations: readonly DriverExportLocation[];
  readonly warnings?: readonly DriverWarning[];
}

/** What a call tells about credentials that it was given. */
export interface CredentialsResult {
  /**
   * Ids of security services whose credentials a directory refused, although the call itself did not fail for it. See
   * `refusedCredentials` of DriverError.
   */
  readonly refusedCredentials?: readonly string[];
}

/** Answer of calls that may only warn. */
export interface WarningsResult extends CredentialsResult {
  readonly warnings?: readonly DriverWarning[];
}

/** Answer of extendShare and shrinkShare. */
export interface ResizeResult extends WarningsResult {
  readonly exportLocations?: readonly DriverExportLocation[];
}

/** Answer of ensureServer. What is wrong with a server is part of the answer; the driver throws only if it could not find out. */
export interface ServerHealth extends WarningsResult {
  readonly exists: boolean;
  readonly healthy: boolean;
  /** What is wrong, one line for people. */
  readonly reason?: string;
  /** What is wrong in CamelCase, for example `DomainTrustLost`: a label of metrics. */
  readonly code?: string;
  /**
   * The directory refuses the credentials that the server was set up with. The server is not checked again until it is changed or
   * a person requests it: each check might count as a refused log-in.
   */
  readonly credentialsRefused?: boolean;
  /** When the credentials of the server towards its directory expire, RFC 3339; absent: never, or not known. */
  readonly credentialsExpireTime?: string;
}

/** Answer of ensureShare. */
export interface ShareHealth extends WarningsResult {
  readonly exists: boolean;
  readonly exportLocations: readonly DriverExportLocation[];
  /** Bytes. */
  readonly size: number;
  readonly reapplyAccess?: boolean;
}

/** Answer of updateShareServerSecurityService. */
export interface SecurityServiceUpdateResult extends WarningsResult {
  readonly backendDetails?: Readonly<Record<string, string>>;
  readonly backendSecrets?: Readonly<Record<string, string>>;
  /** New export locations by share id. */
  readonly exportLocations?: ReadonlyMap<string, readonly DriverExportLocation[]>;
  /** By share id, then by rule id. */
  readonly accessUpdates?: ReadonlyMap<string, AccessUpdates>;
}

/**
 * A storage driver. Every call may be repeated (the process may have died before it took note of the answer) and must then
 * succeed again. Failures are thrown as DriverError; work that continues as InProgress.
 */
export interface Driver {
  /** Also the health probe: called every 60 s with jitter. */
  getCapabilities(context: Pick<CallContext, 'signal' | 'logger' | 'installationID'>): Promise<Capabilities>;
  setupServer(request: ServerSetupRequest, context: CallContext): Promise<ServerSetupResult>;
  /** Rejected while the server holds data that no one asked to delete. */
  teardownServer(request: ServerSetupRequest, context: CallContext): Promise<WarningsResult>;
  createShare(request: ShareRequest, context: CallContext): Promise<ShareCreateResult>;
  extendShare(request: ResizeRequest, context: CallContext): Promise<ResizeResult>;
  /** Rejected when the share uses more than newSize; nothing is lost then. */
  shrinkShare(request: ResizeRequest, context: CallContext): Promise<ResizeResult>;
  deleteShare(request: ShareRequest, context: CallContext): Promise<WarningsResult>;
  updateAccess(request: AccessRequest, context: CallContext): Promise<AccessUpdates>;
  /**
   * May set right what is wrong with a server that exists, such as a daemon that died; never creates one that is gone. Calls about
   * the server's shares may run meanwhile.
   */
  ensureServer?(request: ServerRequest, context: CallContext): Promise<ServerHealth>;
  ensureShare?(request: ShareRequest, context: CallContext): Promise<ShareHealth>;
  checkUpdateShareServerSecurityService?(
    request: SecurityServiceCheckRequest,
    context: CallContext,
  ): Promise<SecurityServiceCheckResult>;
  updateShareServerSecurityService?(
    request: SecurityServiceUpdateRequest,
    context: CallContext,
  ): Promise<SecurityServiceUpdateResult>;
  /** Frees connections and timers; no call is running. */
  close(): Promise<void>;
}

/** Names of the driver's methods, as call logs, metrics and fault matches use them. */
export type DriverOperation = Exclude<keyof Driver, 'close'>;

/** What createDriver gets. */
export interface DriverOptions<Config> {
  readonly backendName: string;
  readonly config: Config;
  /** Data of the credentials Secret that the backend's config names, if any. */
  readonly credentials: Readonly<Record<string, string>>;
  readonly installationID: string;
  readonly logger: DriverLogger;
}

/** The part of a schema library that the operator needs: parse or tell what is wrong. zod schemas fit. */
export interface ConfigSchema<Config> {
  safeParse(input: unknown):
    | { readonly success: true; readonly data: Config }
    | {
        readonly success: false;
        readonly error: { readonly issues: readonly { path: readonly PropertyKey[]; message: string }[] };
      };
}

/** What a driver's module exports. */
export interface DriverModule<Config = unknown> {
  readonly driverAPIVersion: 1;
  readonly configSchema: ConfigSchema<Config>;
  /** Config fields that can't change while the backend is in use: changing them would orphan data. */
  readonly identityFields: readonly string[];
  /** Name of the Secret in the operator's namespace whose data the driver gets as credentials; absent: it needs none. */
  credentialsSecretName?(config: Config): string | undefined;
  createDriver(options: DriverOptions<Config>): Driver;
}
