import { parseDuration } from '../../values/duration.ts';
import type { CallContext, Driver, DriverOperation, DriverOptions } from '../driver.ts';
import { throwIfAborted } from '../kit/abort.ts';
import { updateAccess } from './access.ts';
import type { Backend } from './backend.ts';
import type { AnyCallContext, Call, CallRequest } from './calls/call.ts';
import type { CallLog } from './calls/call-log.ts';
import { getCapabilities } from './capabilities.ts';
import type { DummyConfig, DummyFault } from './config.ts';
import { createFaultInjector } from './faults/faults.ts';
import { suffer, waitUnlessAborted } from './faults/interruption.ts';
import { checkSecurityService, updateSecurityService } from './security-services.ts';
import { ensureServer, setupServer, teardownServer } from './servers.ts';
import { createShare, deleteShare, ensureShare, extendShare, shrinkShare } from './shares.ts';
import { createAccessKeys, type MakeKey } from './storage/access-keys.ts';
import type { DocumentStore } from './storage/document-store.ts';
import { createStorageSystem } from './storage/storage-system.ts';

/** What the driver works with besides its options. */
export interface DummyDriverParts {
  readonly store: DocumentStore;
  readonly callLog: CallLog;
  readonly makeKey: MakeKey;
}

/**
 * A simulated backend for trials and tests. The work of each call is done in one synchronous step, after latency and faults: a call
 * that is aborted has done nothing.
 */
export function createDummyDriver(
  { backendName, config }: DriverOptions<DummyConfig>,
  { store, callLog, makeKey }: DummyDriverParts,
): Driver {
  const backend: Backend = {
    backendName,
    config,
    latency: parseDuration(config.latency) ?? 0,
    storage: createStorageSystem(store),
    keys: createAccessKeys(store, config.accessKeyLength, makeKey),
  };
  const faults = createFaultInjector(config.faults, store);

  /** Logs the call, lets time pass and faults strike, then does the work. */
  async function call<Result>(call: Call, work: (fault: DummyFault | undefined) => Result): Promise<Result> {
    callLog.start(call);
    try {
      throwIfAborted(call.context.signal, 'the backend');
      const fault = faults.strike(call);
      await waitUnlessAborted(backend.latency, call);
      if (fault !== undefined) await suffer(fault, call);
      const result = work(fault);
      callLog.succeeded(call);
      return result;
    } catch (error) {
      callLog.failed(call, error);
      throw error;
    }
  }

  const method =
    <Request extends CallRequest, Result>(
      operation: DriverOperation,
      work: (backend: Backend, request: Request, context: CallContext, fault: DummyFault | undefined) => Result,
    ) =>
    (request: Request, context: CallContext): Promise<Result> =>
      call({ operation, request, context }, (fault) => work(backend, request, context, fault));

  return {
    getCapabilities: (context: AnyCallContext) =>
      call({ operation: 'getCapabilities', request: {}, context }, () => getCapabilities(backend)),
    setupServer: method('setupServer', setupServer),
    teardownServer: method('teardownServer', teardownServer),
    ensureServer: method('ensureServer', ensureServer),
    createShare: method('createShare', createShare),
    extendShare: method('extendShare', extendShare),
    shrinkShare: method('shrinkShare', shrinkShare),
    deleteShare: method('deleteShare', deleteShare),
    ensureShare: method('ensureShare', ensureShare),
    updateAccess: method('updateAccess', updateAccess),
    checkUpdateShareServerSecurityService: method('checkUpdateShareServerSecurityService', checkSecurityService),
    updateShareServerSecurityService: method('updateShareServerSecurityService', updateSecurityService),
    close: async () => {},
  };
}
