import { randomUUID } from 'node:crypto';
import type {
  AccessRequest,
  AccessUpdates,
  CallContext,
  Capabilities,
  Driver,
  DriverAccessRule,
  DriverLogger,
  DriverSecurityService,
  DriverServer,
  DriverShare,
  ServerSetupRequest,
  ShareRequest,
  Tenant,
} from '../driver.ts';
import type { ConformanceFixture } from './fixture.ts';
import { type Recording, recordedDriver, recordingLogger } from './recording.ts';

/** Says why a case can't be tried with this driver or fixture. */
export class SkippedCase extends Error {}

/** A share server that a case has set up. */
export type MadeServer = ServerSetupRequest;

/** A share that a case has created. */
export interface MadeShare extends ShareRequest {
  readonly tenant: Tenant;
}

/** The three delta lists of an updateAccess; absent ones are empty. */
export type AccessDelta = Partial<Pick<AccessRequest, 'addRules' | 'deleteRules' | 'updateRules'>>;

/** What one case works with: an open driver, makers of things on the backend, and the record of what the driver said. */
export class ConformanceSession {
  readonly fixture: ConformanceFixture;
  readonly capabilities: Capabilities;
  readonly recording: Recording;
  readonly logger: DriverLogger;
  readonly tenant: Tenant;
  readonly otherTenant: Tenant;
  #driver: Driver;
  readonly #made: (() => Promise<unknown>)[] = [];
  /** What the driver answered about what it made, by id: needed again to remove it. */
  readonly #identities = new Map<string, Partial<DriverServer & DriverShare>>();

  private constructor(fixture: ConformanceFixture, driver: Driver, capabilities: Capabilities, recording: Recording) {
    this.fixture = fixture;
    this.capabilities = capabilities;
    this.recording = recording;
    this.logger = recordingLogger(recording);
    [this.tenant, this.otherTenant] = fixture.tenants;
    this.#driver = driver;
  }

  static async open(fixture: ConformanceFixture, recording: Recording): Promise<ConformanceSession> {
    const logger = recordingLogger(recording);
    const driver = recordedDriver(await fixture.openDriver(logger), recording);
    const signal = AbortSignal.timeout(fixture.callTimeout ?? 60_000);
    const capabilities = await driver.getCapabilities({ signal, logger, installationID: fixture.installationID });
    return new ConformanceSession(fixture, driver, capabilities, recording);
  }

  get driver(): Driver {
    return this.#driver;
  }

  /** Takes another driver on the same backend in use; the one before is closed. */
  async useDriver(open: (logger: DriverLogger) => Driver | Promise<Driver>): Promise<void> {
    await this.#driver.close();
    this.#driver = recordedDriver(await open(this.logger), this.recording);
  }

  /** Closes the driver and opens it again, as a restart does. */
  restart(): Promise<void> {
    return this.useDriver((logger) => this.fixture.openDriver(logger));
  }

  /** The context of a call: of a new operation, within the usual time, for the first tenant, unless told otherwise. */
  context(overrides: Partial<CallContext> = {}): CallContext {
    return {
      signal: AbortSignal.timeout(this.fixture.callTimeout ?? 60_000),
      logger: this.logger,
      operation: { id: randomUUID(), attempt: 1 },
      installationID: this.fixture.installationID,
      tenant: this.tenant,
      ...overrides,
    };
  }

  /** Makes the same call of one operation twice, as after a restart that lost the answer; answers both results. */
  async twice<Result>(
    call: (context: CallContext) => Promise<Result>,
    tenant = this.tenant,
  ): Promise<[Result, Result]> {
    const id = randomUUID();
    const first = await call(this.context({ tenant, operation: { id, attempt: 1 } }));
    return [first, await call(this.context({ tenant, operation: { id, attempt: 2 } }))];
  }

  /** A share server not set up; skips the case when the driver makes none. It is torn down after the case. */
  newServer(tenant = this.tenant): MadeServer {
    if (!this.capabilities.driverHandlesShareServers) throw new SkippedCase('the driver does not handle share servers');
    const request = this.fixture.newServer?.(tenant);
    if (request === undefined) throw new Error('the fixture makes no share servers, but the driver handles them');
    const setup = { ...request, securityServices: this.fixture.securityServices?.initial ?? [] };
    this.#made.push(() => {
      const identity = this.#identities.get(setup.server.id);
      const server = { ...setup.server, ...identity };
      return this.#driver.teardownServer({ ...setup, server }, this.context({ tenant }));
    });
    return setup;
  }

  /** A share server that is set up. */
  async makeServer(tenant = this.tenant): Promise<MadeServer> {
    const request = this.newServer(tenant);
    const result = await this.#driver.setupServer(request, this.context({ tenant }));
    const { identifier, backendDetails, backendSecrets = {} } = result;
    this.#identities.set(request.server.id, { identifier, backendDetails, backendSecrets });
    return { ...request, server: { ...request.server, identifier, backendDetails, backendSecrets } };
  }

  /** A share that is not created, on a share server that is set up where there are such. It is deleted after the case. */
  async newShare(tenant = this.tenant, server?: DriverServer): Promise<MadeShare> {
    const handled = this.capabilities.driverHandlesShareServers;
    const host = handled ? (server ?? (await this.makeServer(tenant)).server) : undefined;
    const request = { share: this.fixture.newShare(tenant), ...(host === undefined ? {} : { server: host }) };
    this.#made.push(() => {
      const share = { ...request.share, ...this.#identities.get(request.share.id) };
      return this.#driver.deleteShare({ ...request, share }, this.context({ tenant }));
    });
    return { ...request, tenant };
  }

  /** A share that is created. */
  async makeShare(tenant = this.tenant, server?: DriverServer): Promise<MadeShare> {
    const { tenant: _, ...request } = await this.newShare(tenant, server);
    const { identifier, exportLocations } = await this.#driver.createShare(request, this.context({ tenant }));
    this.#identities.set(request.share.id, { identifier, exportLocations });
    return { ...request, tenant, share: { ...request.share, identifier, exportLocations } };
  }

  /** A keyed rule; skips the case when the driver mints no keys. */
  newKeyedRule(share: DriverShare, accessTo?: string): DriverAccessRule {
    if (this.capabilities.accessKeyTypes.length === 0) throw new SkippedCase('the driver mints no access keys');
    const rule = this.fixture.newKeyedRule?.(share, accessTo);
    if (rule === undefined) throw new Error('the fixture makes no keyed rules, but the driver mints access keys');
    return rule;
  }

  /** A request of updateAccess that leaves the share with `accessRules`; without a delta it is a recovery. */
  accessRequest(made: MadeShare, accessRules: readonly DriverAccessRule[], delta: AccessDelta = {}): AccessRequest {
    const { tenant: _, ...request } = made;
    return { ...request, accessRules, addRules: [], deleteRules: [], updateRules: [], ...delta };
  }

  /** Calls updateAccess. */
  updateAccess(made: MadeShare, accessRules: readonly DriverAccessRule[], delta?: AccessDelta): Promise<AccessUpdates> {
    const context = this.context({ tenant: made.tenant });
    return this.#driver.updateAccess(this.accessRequest(made, accessRules, delta), context);
  }

  /** Grants rules on a share that has none. */
  grant(made: MadeShare, rules: readonly DriverAccessRule[]): Promise<AccessUpdates> {
    return this.updateAccess(made, rules, { addRules: rules });
  }

  /** The services of the fixture; skips the case when the driver takes no changed services. */
  securityServices(): { initial: DriverSecurityService; next: DriverSecurityService } {
    if (!this.capabilities.securityServiceUpdateSupport) {
      throw new SkippedCase('the driver takes no changed security service');
    }
    const services = this.fixture.securityServices;
    if (services === undefined)
      throw new Error('the fixture has no security services, but the driver takes changed ones');
    return { initial: services.initial[0], next: services.next };
  }

  /** Removes from the backend what the case has made, last first, and closes the driver. */
  async end(): Promise<void> {
    try {
      for (const remove of this.#made.reverse()) await remove();
    } finally {
      await this.#driver.close();
    }
  }
}

/** The access key of a rule. @throws Error when there is none */
export function keyOf(updates: AccessUpdates, rule: DriverAccessRule): string {
  const key = updates.get(rule.id)?.accessKey;
  if (key === undefined || key === '') throw new Error(`updateAccess answered no access key for ${rule.accessTo}`);
  return key;
}
