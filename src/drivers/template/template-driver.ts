import type {
  AccessRequest,
  AccessUpdates,
  CallContext,
  Capabilities,
  Driver,
  DriverExportLocation,
  DriverLogger,
  DriverSecurityService,
  DriverServer,
  DriverShare,
  ResizeRequest,
  ResizeResult,
  SecurityServiceCheckRequest,
  SecurityServiceCheckResult,
  SecurityServiceUpdateRequest,
  SecurityServiceUpdateResult,
  ServerHealth,
  ServerRequest,
  ServerSetupRequest,
  ServerSetupResult,
  ShareCreateResult,
  ShareHealth,
  ShareRequest,
  WarningsResult,
} from '../driver.ts';
import { InProgress } from '../errors.ts';
import { uncPath } from '../kit/export-paths.ts';
import { notFound, rejected } from '../kit/failures.ts';
import { ownerOf, ownerTag, requireOwner } from '../kit/owner.ts';
import { planAccess } from './access.ts';
import type { TemplateConfig } from './config.ts';
import type { StorageSystem, StoredServer, StoredShare } from './storage-system.ts';

/**
 * The least driver that does everything: share servers that join a domain and change it while in use, shares, rules. Each method
 * first looks what is there, so that the same call again succeeds, and does what is missing.
 */
export class TemplateDriver implements Driver {
  readonly #system: StorageSystem;
  readonly #jobs: boolean;
  readonly #logger: DriverLogger;

  constructor(system: StorageSystem, { jobs }: Pick<TemplateConfig, 'jobs'>, logger: DriverLogger) {
    this.#system = system;
    this.#jobs = jobs;
    this.#logger = logger;
  }

  /** Asks for all that operations need: a backend whose probe succeeds must be able to work. */
  async getCapabilities({ signal }: Pick<CallContext, 'signal'>): Promise<Capabilities> {
    await this.#system.probe(signal);
    return {
      driverHandlesShareServers: true,
      securityServiceUpdateSupport: true,
      securityServiceTypes: ['active_directory'],
      requiredSecurityServices: { CIFS: ['active_directory'] },
      shareProtocols: ['CIFS'],
      accessTypesByProtocol: { CIFS: ['user', 'ip'] },
      accessLevels: ['rw', 'ro'],
      accessKeyTypes: [],
      networkAllocationsPerServer: 1,
    };
  }

  async setupServer(
    { server, securityServices }: ServerSetupRequest,
    context: CallContext,
  ): Promise<ServerSetupResult> {
    if (server.allocations.length === 0) {
      throw rejected('NetworkAllocationMissing', `the share server ${server.name} needs an address and has none`);
    }
    const present = await this.#server(server, context);
    const domain = domainOf(securityServices) ?? present?.domain;
    const stored: StoredServer = {
      owner: ownerTag(ownerOf(context)),
      hostname: server.hostname,
      addresses: server.allocations.map(({ ipAddress }) => ipAddress),
      ...(domain === undefined ? {} : { domain }),
    };
    // Yours: make the server, join the domain, all of it such that it may have been done already.
    await this.#system.saveServer(server.id, stored, context.signal);
    return { identifier: `server-${server.id}`, backendDetails: detailsOf(stored) };
  }

  async teardownServer({ server }: ServerSetupRequest, context: CallContext): Promise<WarningsResult> {
    if ((await this.#server(server, context)) === undefined) return {};
    const shares = await this.#system.sharesOn(server.id, context.signal);
    if (shares > 0) throw rejected('ServerNotEmpty', `the share server ${server.name} holds ${shares} shares`);
    // Yours: leave the domain. There may be no password, and the domain may not answer: warn of what is left there, and go on.
    await this.#system.removeServer(server.id, context.signal);
    return {};
  }

  async createShare({ share, server }: ShareRequest, context: CallContext): Promise<ShareCreateResult> {
    if (server === undefined) throw rejected('ShareServerMissing', `the share ${share.name} needs a share server`);
    const { addresses } = await this.#existingServer(server, context);
    if ((await this.#share(share, context)) === undefined) {
      // Work that takes longer than some seconds goes on there, and is asked for again with its token.
      if (this.#jobs && context.operation.token === undefined) throw new InProgress({ token: share.id, pollAfter: 0 });
      const { size } = share;
      const stored = { owner: ownerTag(ownerOf(context)), serverID: server.id, size, used: 0, rules: [] };
      await this.#system.saveShare(share.id, stored, context.signal);
    }
    return { identifier: `share-${share.id}`, exportLocations: locationsOf(share, addresses) };
  }

  async extendShare({ share, newSize }: ResizeRequest, context: CallContext): Promise<ResizeResult> {
    const stored = await this.#existingShare(share, context);
    if (newSize > stored.size) await this.#system.saveShare(share.id, { ...stored, size: newSize }, context.signal);
    return {};
  }

  async shrinkShare({ share, newSize }: ResizeRequest, context: CallContext): Promise<ResizeResult> {
    const stored = await this.#existingShare(share, context);
    if (newSize < stored.used) {
      const why = `it holds ${stored.used} bytes, more than the ${newSize} wanted`;
      throw rejected('ShareShrinkingPossibleDataLoss', `the share ${share.name} can't be shrunk: ${why}`);
    }
    if (newSize < stored.size) await this.#system.saveShare(share.id, { ...stored, size: newSize }, context.signal);
    return {};
  }

  async deleteShare({ share }: ShareRequest, context: CallContext): Promise<WarningsResult> {
    if ((await this.#share(share, context)) === undefined) return {};
    await this.#system.removeShare(share.id, context.signal);
    return {};
  }

  async updateAccess(request: AccessRequest, context: CallContext): Promise<AccessUpdates> {
    const stored = await this.#share(request.share, context);
    const { rules, updates } = planAccess(request);
    if (stored === undefined) {
      // Nothing is granted on a share that is gone: denials have succeeded.
      if (request.accessRules.length === 0) return new Map();
      throw notFound('ShareNotFound', `the share ${request.share.name} is not on the storage system`);
    }
    // Yours: also end the sessions of those who lose access.
    await this.#system.saveShare(request.share.id, { ...stored, rules: [...rules] }, context.signal);
    return updates;
  }

  async ensureServer({ server }: ServerRequest, context: CallContext): Promise<ServerHealth> {
    const exists = (await this.#server(server, context)) !== undefined;
    // Yours: whether it serves, and still trusts its domain.
    return { exists, healthy: exists };
  }

  async ensureShare({ share, server }: ShareRequest, context: CallContext): Promise<ShareHealth> {
    const stored = await this.#share(share, context);
    if (stored === undefined || server === undefined) return { exists: false, exportLocations: [], size: 0 };
    const { addresses } = await this.#existingServer(server, context);
    return { exists: true, exportLocations: locationsOf(share, addresses), size: stored.size };
  }

  /** Changes nothing. Asks from where the work will be done, with the account that will do it. */
  async checkUpdateShareServerSecurityService(
    { server, newSecurityService }: SecurityServiceCheckRequest,
    context: CallContext,
  ): Promise<SecurityServiceCheckResult> {
    await this.#existingServer(server, context);
    if (newSecurityService.domain === undefined) {
      return { compatible: false, reason: 'DomainMissing', message: `${newSecurityService.name} names no domain` };
    }
    const impact = { disruptsSessions: true, estimatedSeconds: 5, text: 'users have to log in again' };
    return { compatible: true, impact };
  }

  /** Makes the new beside the old, changes over, and leaves the old last: what fails early has changed nothing. */
  async updateShareServerSecurityService(
    { server, newSecurityService }: SecurityServiceUpdateRequest,
    context: CallContext,
  ): Promise<SecurityServiceUpdateResult> {
    const stored = await this.#existingServer(server, context);
    const domain = domainOf([newSecurityService]);
    const changed: StoredServer = { ...stored, ...(domain === undefined ? {} : { domain }) };
    await this.#system.saveServer(server.id, changed, context.signal);
    this.#logger.info({ shareServer: server.name }, 'changed over to another domain');
    return { backendDetails: detailsOf(changed) };
  }

  /** Yours: close connections and timers. */
  async close(): Promise<void> {}

  async #server({ id, name }: DriverServer, context: CallContext): Promise<StoredServer | undefined> {
    const found = await this.#system.server(id, context.signal);
    if (found !== undefined) requireOwner(ownerOf(context), found.owner, `the share server ${name}`);
    return found;
  }

  async #existingServer(server: DriverServer, context: CallContext): Promise<StoredServer> {
    const stored = await this.#server(server, context);
    if (stored === undefined)
      throw notFound('ShareServerNotFound', `the share server ${server.name} is not on the storage system`);
    return stored;
  }

  async #share({ id, name }: DriverShare, context: CallContext): Promise<StoredShare | undefined> {
    const found = await this.#system.share(id, context.signal);
    if (found !== undefined) requireOwner(ownerOf(context), found.owner, `the share ${name}`);
    return found;
  }

  async #existingShare(share: DriverShare, context: CallContext): Promise<StoredShare> {
    const stored = await this.#share(share, context);
    if (stored === undefined) throw notFound('ShareNotFound', `the share ${share.name} is not on the storage system`);
    return stored;
  }
}

function domainOf(services: readonly DriverSecurityService[]): string | undefined {
  return services.find(({ type }) => type === 'active_directory')?.domain;
}

/** The tenant sees these: never a password. */
function detailsOf({ hostname, domain }: StoredServer): Readonly<Record<string, string>> {
  return domain === undefined ? { hostname } : { hostname, domain };
}

function locationsOf({ id }: DriverShare, addresses: readonly string[]): readonly DriverExportLocation[] {
  // Names on the storage system come from the object's UID: names of objects are used again.
  return addresses.map((address) => ({ path: uncPath(address, `share-${id}`), address }));
}
