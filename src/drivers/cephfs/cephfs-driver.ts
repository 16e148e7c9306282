import type {
  AccessRequest,
  AccessUpdates,
  CallContext,
  Capabilities,
  Driver,
  DriverOptions,
  ResizeRequest,
  ResizeResult,
  ServerSetupResult,
  ShareCreateResult,
  ShareHealth,
  ShareRequest,
  WarningsResult,
} from '../driver.ts';
import { throwIfAborted } from '../kit/abort.ts';
import { rejected } from '../kit/failures.ts';
import { SlicedWork } from '../kit/sliced-work.ts';
import { BatchProgress } from './access/batch-progress.ts';
import { updateAccess } from './access.ts';
import type { Backend } from './backend.ts';
import { probe } from './capabilities.ts';
import type { CephFSConfig } from './config.ts';
import type { CephCommands } from './rados/commands.ts';
import * as shares from './shares.ts';

/** How long the cluster may take to say who it is, in milliseconds: that includes the login. */
const loginTimeoutMs = 20_000;

/** Shares are subvolumes of a CephFS file system, rules are cephx ids that are authorized on them. */
export class CephFSDriver implements Driver {
  readonly #backend: Backend;
  readonly #commands: CephCommands;

  constructor({ config }: Pick<DriverOptions<CephFSConfig>, 'config'>, commands: CephCommands) {
    this.#commands = commands;
    this.#backend = {
      config,
      batches: new SlicedWork(() => new BatchProgress()),
      cluster: { commands, user: config.user },
      fsid: async (signal) => {
        throwIfAborted(signal, 'Ceph');
        return await commands.fsid({ timeoutMs: loginTimeoutMs, signal });
      },
    };
  }

  getCapabilities({ signal }: Pick<CallContext, 'signal'>): Promise<Capabilities> {
    return probe(this.#backend, signal);
  }

  async setupServer(): Promise<ServerSetupResult> {
    throw noShareServers();
  }

  async teardownServer(): Promise<WarningsResult> {
    throw noShareServers();
  }

  createShare(request: ShareRequest, context: CallContext): Promise<ShareCreateResult> {
    return shares.createShare(this.#backend, request, context);
  }

  extendShare(request: ResizeRequest, context: CallContext): Promise<ResizeResult> {
    return shares.extendShare(this.#backend, request, context);
  }

  shrinkShare(request: ResizeRequest, context: CallContext): Promise<ResizeResult> {
    return shares.shrinkShare(this.#backend, request, context);
  }

  deleteShare(request: ShareRequest, context: CallContext): Promise<WarningsResult> {
    return shares.deleteShare(this.#backend, request, context);
  }

  updateAccess(request: AccessRequest, context: CallContext): Promise<AccessUpdates> {
    return updateAccess(this.#backend, request, context);
  }

  ensureShare(request: ShareRequest, context: CallContext): Promise<ShareHealth> {
    return shares.ensureShare(this.#backend, request, context);
  }

  close(): Promise<void> {
    return this.#commands.close();
  }
}

function noShareServers(): Error {
  return rejected('ShareServersNotSupported', 'the CephFS driver makes no share servers');
}
