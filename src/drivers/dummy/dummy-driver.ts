import { parseDuration } from '../../values/duration.ts';
import type {
  AccessRequest,
  AccessUpdates,
  CallContext,
  Capabilities,
  Driver,
  DriverOperation,
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
import { throwIfAborted } from '../kit/abort.ts';
import type { DummySystem } from './backend.ts';
import type { AnyCallContext, Call, CallRequest } from './calls/call.ts';
import type { CallLog } from './calls/call-log.ts';
import { capabilitiesOf } from './capabilities.ts';
import type { DummyConfig, DummyFault } from './config.ts';
import { createFaultInjector, type FaultInjector } from './faults/faults.ts';
import { suffer, waitUnlessAborted } from './faults/interruption.ts';
import * as servers from './servers.ts';
import * as shares from './shares.ts';
import { createAccessKeys, type MakeKey } from './storage/access-keys.ts';
import type { DocumentStore } from './storage/document-store.ts';
import { createDummyBackend } from './storage/storage-system.ts';

/** What a {@link DummyDriver} works with besides its options. */
export interface DummyDriverParts {
  readonly store: DocumentStore;
  readonly callLog: CallLog;
  readonly makeKey: MakeKey;
}

/**
 * A believable backend without storage. The work of each call is done in one synchronous step, after latency and faults: a call
 * that is aborted has done nothing.
 */
export class DummyDriver implements Driver {
  readonly #system: DummySystem;
  readonly #callLog: CallLog;
  readonly #faults: FaultInjector;

  constructor({ backendName, config }: DriverOptions<DummyConfig>, { store, callLog, makeKey }: DummyDriverParts) {
    this.#system = {
      backendName,
      config,
      latency: parseDuration(config.latency) ?? 0,
      backend: createDummyBackend(store),
      keys: createAccessKeys(store, config.accessKeyLength, makeKey),
    };
    this.#callLog = callLog;
    this.#faults = createFaultInjector(config.faults, store);
  }

  getCapabilities(context: Pick<CallContext, 'signal' | 'logger' | 'installationID'>): Promise<Capabilities> {
    const { config, backend } = this.#system;
    return this.#call('getCapabilities', {}, context, () => capabilitiesOf(config, backend.capacity()));
  }

  setupServer(request: ServerSetupRequest, context: CallContext): Promise<ServerSetupResult> {
    return this.#call('setupServer', request, context, (fault) =>
      servers.setupServer(this.#system, request, context, fault),
    );
  }

  teardownServer(request: ServerSetupRequest, context: CallContext): Promise<WarningsResult> {
    return this.#call('teardownServer', request, context, () => servers.teardownServer(this.#system, request, context));
  }

  createShare(request: ShareRequest, context: CallContext): Promise<ShareCreateResult> {
    return this.#call('createShare', request, context, () => shares.createShare(this.#system, request, context));
  }

  extendShare(request: ResizeRequest, context: CallContext): Promise<ResizeResult> {
    return this.#call('extendShare', request, context, () => shares.extendShare(this.#system, request, context));
  }

  shrinkShare(request: ResizeRequest, context: CallContext): Promise<ResizeResult> {
    return this.#call('shrinkShare', request, context, () => shares.shrinkShare(this.#system, request, context));
  }

  deleteShare(request: ShareRequest, context: CallContext): Promise<WarningsResult> {
    return this.#call('deleteShare', request, context, () => shares.deleteShare(this.#system, request, context));
  }

  updateAccess(request: AccessRequest, context: CallContext): Promise<AccessUpdates> {
    return this.#call('updateAccess', request, context, (fault) =>
      shares.updateAccess(this.#system, request, context, fault),
    );
  }

  ensureServer(request: ServerRequest, context: CallContext): Promise<ServerHealth> {
    return this.#call('ensureServer', request, context, () => servers.ensureServer(this.#system, request, context));
  }

  ensureShare(request: ShareRequest, context: CallContext): Promise<ShareHealth> {
    return this.#call('ensureShare', request, context, () => shares.ensureShare(this.#system, request, context));
  }

  checkUpdateShareServerSecurityService(
    request: SecurityServiceCheckRequest,
    context: CallContext,
  ): Promise<SecurityServiceCheckResult> {
    return this.#call('checkUpdateShareServerSecurityService', request, context, (fault) =>
      servers.checkSecurityService(this.#system, request, context, fault),
    );
  }

  updateShareServerSecurityService(
    request: SecurityServiceUpdateRequest,
    context: CallContext,
  ): Promise<SecurityServiceUpdateResult> {
    return this.#call('updateShareServerSecurityService', request, context, (fault) =>
      servers.updateSecurityService(this.#system, request, context, fault),
    );
  }

  async close(): Promise<void> {}

  /** Logs the call, lets time pass and faults strike, then does the work. */
  async #call<Result>(
    operation: DriverOperation,
    request: CallRequest,
    context: AnyCallContext,
    work: (fault: DummyFault | undefined) => Result,
  ): Promise<Result> {
    const call: Call = { operation, request, context };
    this.#callLog.start(call);
    try {
      throwIfAborted(context.signal, 'the backend');
      const fault = this.#faults.strike(call);
      await waitUnlessAborted(this.#system.latency, call);
      if (fault !== undefined) await suffer(fault, call);
      const result = work(fault);
      this.#callLog.succeeded(call);
      return result;
    } catch (error) {
      this.#callLog.failed(call, error);
      throw error;
    }
  }
}
