import type { Driver } from '../driver.ts';
import { operationsOn } from '../kit/operations.ts';
import { updateAccess } from './access.ts';
import type { Backend } from './backend.ts';
import { getCapabilities } from './capabilities.ts';
import { checkSecurityService, updateSecurityService } from './security-services.ts';
import { ensureServer, setupServer, teardownServer } from './servers.ts';
import { createShare, deleteShare, ensureShare, extendShare, shrinkShare } from './shares.ts';

/**
 * The least driver that does everything: share servers that join a domain and change it while in use, shares, rules. Each method
 * first looks what is there, so that the same call again succeeds, and does what is missing.
 */
export function createTemplateDriver(backend: Backend): Driver {
  const on = operationsOn(backend);
  return {
    getCapabilities: (context) => getCapabilities(backend, context),
    setupServer: on(setupServer),
    teardownServer: on(teardownServer),
    ensureServer: on(ensureServer),
    createShare: on(createShare),
    extendShare: on(extendShare),
    shrinkShare: on(shrinkShare),
    deleteShare: on(deleteShare),
    ensureShare: on(ensureShare),
    updateAccess: on(updateAccess),
    checkUpdateShareServerSecurityService: on(checkSecurityService),
    updateShareServerSecurityService: on(updateSecurityService),
    /** Yours: close connections and timers. */
    close: async () => {},
  };
}
