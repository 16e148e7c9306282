import type {
  AccessRequest,
  AccessUpdates,
  CallContext,
  Capabilities,
  Driver,
  DriverOptions,
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
import { LongWork } from '../kit/long-work.ts';
import { updateAccess } from './access.ts';
import type { Backend } from './backend.ts';
import { probe } from './capabilities.ts';
import type { SambaConfig } from './config.ts';
import type { Hosts } from './hosts/hosts.ts';
import { ServerChoice } from './hosts/server-choice.ts';
import * as services from './security-services.ts';
import * as servers from './servers.ts';
import * as shares from './shares.ts';

/** Share servers are Samba instances on Linux hosts, each in namespaces of its own; a program on the host does the work. */
export class SambaDriver implements Driver {
  readonly #backend: Backend;

  constructor({ config, logger }: Pick<DriverOptions<SambaConfig>, 'config' | 'logger'>, hosts: Hosts) {
    this.#backend = {
      config,
      hosts,
      logger,
      choice: new ServerChoice(hosts, config),
      setups: new LongWork(),
      updates: new LongWork(),
      teardowns: new LongWork(),
    };
  }

  getCapabilities(context: Pick<CallContext, 'signal'>): Promise<Capabilities> {
    return probe(this.#backend, context);
  }

  setupServer(request: ServerSetupRequest, context: CallContext): Promise<ServerSetupResult> {
    return servers.setupServer(this.#backend, request, context);
  }

  teardownServer(request: ServerSetupRequest, context: CallContext): Promise<WarningsResult> {
    return servers.teardownServer(this.#backend, request, context);
  }

  ensureServer(request: ServerRequest, context: CallContext): Promise<ServerHealth> {
    return servers.ensureServer(this.#backend, request, context);
  }

  createShare(request: ShareRequest, context: CallContext): Promise<ShareCreateResult> {
    return shares.createShare(this.#backend, request, context);
  }

  extendShare(request: ResizeRequest, context: CallContext): Promise<ResizeResult> {
    return shares.resizeShare(this.#backend, request, context);
  }

  shrinkShare(request: ResizeRequest, context: CallContext): Promise<ResizeResult> {
    return shares.resizeShare(this.#backend, request, context);
  }

  deleteShare(request: ShareRequest, context: CallContext): Promise<WarningsResult> {
    return shares.deleteShare(this.#backend, request, context);
  }

  ensureShare(request: ShareRequest, context: CallContext): Promise<ShareHealth> {
    return shares.ensureShare(this.#backend, request, context);
  }

  updateAccess(request: AccessRequest, context: CallContext): Promise<AccessUpdates> {
    return updateAccess(this.#backend, request, context);
  }

  checkUpdateShareServerSecurityService(
    request: SecurityServiceCheckRequest,
    context: CallContext,
  ): Promise<SecurityServiceCheckResult> {
    return services.checkSecurityService(this.#backend, request, context);
  }

  updateShareServerSecurityService(
    request: SecurityServiceUpdateRequest,
    context: CallContext,
  ): Promise<SecurityServiceUpdateResult> {
    return services.updateSecurityService(this.#backend, request, context);
  }

  async close(): Promise<void> {
    this.#backend.hosts.close();
  }
}
