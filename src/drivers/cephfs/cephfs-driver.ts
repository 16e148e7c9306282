import type { Driver, DriverOptions } from '../driver.ts';
import { throwIfAborted } from '../kit/abort.ts';
import { operationsOn } from '../kit/operations.ts';
import { SlicedWork } from '../kit/sliced-work.ts';
import { BatchProgress } from './access/batch-progress.ts';
import { updateAccess } from './access.ts';
import type { Backend } from './backend.ts';
import { getCapabilities } from './capabilities.ts';
import type { CephFSConfig } from './config.ts';
import type { CephCommands } from './rados/commands.ts';
import { rejected } from './reasons.ts';
import { createShare, deleteShare, ensureShare, extendShare, shrinkShare } from './shares.ts';

/** How long the cluster may take to say who it is, in milliseconds: that includes the login. */
const loginTimeoutMs = 20_000;

/** Shares are subvolumes of a CephFS file system, rules are cephx ids that are authorized on them. */
export function createCephFSDriver(
  { config }: Pick<DriverOptions<CephFSConfig>, 'config'>,
  commands: CephCommands,
): Driver {
  const backend: Backend = {
    config,
    batches: new SlicedWork(() => new BatchProgress()),
    cluster: { commands, user: config.user },
    fsid: async (signal) => {
      throwIfAborted(signal, 'Ceph');
      return await commands.fsid({ timeoutMs: loginTimeoutMs, signal });
    },
  };
  const on = operationsOn(backend);
  return {
    getCapabilities: (context) => getCapabilities(backend, context),
    setupServer: refuseServers,
    teardownServer: refuseServers,
    createShare: on(createShare),
    extendShare: on(extendShare),
    shrinkShare: on(shrinkShare),
    deleteShare: on(deleteShare),
    ensureShare: on(ensureShare),
    updateAccess: on(updateAccess),
    close: () => commands.close(),
  };
}

async function refuseServers(): Promise<never> {
  throw rejected('ShareServersNotSupported', 'the CephFS driver makes no share servers');
}
