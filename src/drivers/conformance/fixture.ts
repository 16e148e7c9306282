import type {
  Driver,
  DriverAccessRule,
  DriverLogger,
  DriverSecurityService,
  DriverServer,
  DriverShare,
  ServerRequest,
  Tenant,
} from '../driver.ts';

/**
 * What a driver's author supplies so that the suite can drive it: a way to open the driver on a real or pretended storage
 * system, and makers of requests that this system accepts. Optional parts that the driver's capabilities call for are demanded by
 * the suite; without the others the cases that need them are reported as skipped.
 */
export interface ConformanceFixture {
  readonly installationID: string;
  /** Two tenants with namespaces of their own. */
  readonly tenants: readonly [Tenant, Tenant];
  /** Opens the driver. Called several times for the same storage system; a later one must find what an earlier one made. */
  openDriver(logger: DriverLogger): Driver | Promise<Driver>;
  /** A share server that was never set up: a new id, addresses that the storage system can use. Needed with share servers. */
  newServer?(tenant: Tenant): ServerRequest;
  /** A share that was never created, of a protocol that takes all rules the fixture makes. `fillShare` gets half of its size to write. */
  newShare(tenant: Tenant): DriverShare;
  /** A rule for a new target that the storage system grants. */
  newRule(share: DriverShare): DriverAccessRule;
  /** A rule that the storage system refuses. */
  badRule(share: DriverShare): DriverAccessRule;
  /** A rule of a type that gets an access key; for a new id unless one is given. Needed with access key types. */
  newKeyedRule?(share: DriverShare, accessTo?: string): DriverAccessRule;
  /** Services that servers are set up with, and one that takes the place of the first; with passwords. */
  readonly securityServices?: {
    readonly initial: readonly [DriverSecurityService, ...DriverSecurityService[]];
    readonly next: DriverSecurityService;
  };
  /** What the storage system grants on a share, looked up without the driver. */
  grantedRules?(share: DriverShare): Promise<readonly GrantedRule[]>;
  /** Puts data on a share, in bytes. */
  fillShare?(share: DriverShare, server: DriverServer | undefined, bytes: number): Promise<void>;
  /**
   * Opens the driver so that each call, the probe too, takes longer than {@link ConformanceFixture.abortBound}: for example made by
   * hand, with a client that waits before it asks the storage system.
   */
  openSlowDriver?(logger: DriverLogger): Driver | Promise<Driver>;
  /**
   * Opens the driver so that what its next call sends stays on its way, as in a slow network. For storage systems that a call can reach
   * after its caller gave it up; without it {@link ConformanceFixture.openSlowDriver} is used.
   */
  openLateDriver?(logger: DriverLogger): Promise<LateDriver>;
  /** Opens the driver so that createShare answers InProgress at first. */
  openInProgressDriver?(logger: DriverLogger): Driver | Promise<Driver>;
  /** Secrets that the driver knows besides those it gets and makes in calls, such as the backend's credentials. */
  readonly secrets?: readonly string[];
  /** How long a call may continue after its signal aborted, in milliseconds; 5000 when absent. */
  readonly abortBound?: number;
  /** How long a call may take, in milliseconds; 60000 when absent. */
  readonly callTimeout?: number;
  /** Versions for the report, for example of the storage system. */
  readonly versions?: Readonly<Record<string, string>>;
  /** Frees what the fixture holds; called after the last case. Each case has removed the shares and servers that it made. */
  cleanup?(): Promise<void>;
}

/** A rule as the storage system has it. */
type GrantedRule = Pick<DriverAccessRule, 'accessType' | 'accessTo' | 'accessLevel'>;

/** A driver whose calls stay on their way. */
export interface LateDriver {
  readonly driver: Driver;
  /** Lets all of it arrive, also after the driver was closed, and waits until the storage system has done or refused it. */
  arrive(): Promise<void>;
}
