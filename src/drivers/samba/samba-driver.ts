import type { Driver, DriverOptions } from '../driver.ts';
import { LongWork } from '../kit/long-work.ts';
import { operationsOn } from '../kit/operations.ts';
import { updateAccess } from './access.ts';
import type { Backend } from './backend.ts';
import { getCapabilities } from './capabilities.ts';
import type { SambaConfig } from './config.ts';
import type { Hosts } from './hosts/hosts.ts';
import { ServerChoice } from './hosts/server-choice.ts';
import { checkSecurityService, updateSecurityService } from './security-services.ts';
import { ensureServer, setupServer, teardownServer } from './servers.ts';
import { createShare, deleteShare, ensureShare, resizeShare } from './shares.ts';

/** Share servers are Samba instances on Linux hosts, each in namespaces of its own; a program on the host does the work. */
export function createSambaDriver(
  { config, logger }: Pick<DriverOptions<SambaConfig>, 'config' | 'logger'>,
  hosts: Hosts,
): Driver {
  const backend: Backend = {
    config,
    hosts,
    logger,
    choice: new ServerChoice(hosts, config),
    setups: new LongWork(),
    updates: new LongWork(),
    teardowns: new LongWork(),
  };
  const on = operationsOn(backend);
  return {
    getCapabilities: (context) => getCapabilities(backend, context),
    setupServer: on(setupServer),
    teardownServer: on(teardownServer),
    ensureServer: on(ensureServer),
    createShare: on(createShare),
    extendShare: on(resizeShare),
    shrinkShare: on(resizeShare),
    deleteShare: on(deleteShare),
    ensureShare: on(ensureShare),
    updateAccess: on(updateAccess),
    checkUpdateShareServerSecurityService: on(checkSecurityService),
    updateShareServerSecurityService: on(updateSecurityService),
    close: async () => hosts.close(),
  };
}
