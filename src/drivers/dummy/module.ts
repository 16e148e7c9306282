import { join } from 'node:path';
import type { DriverModule } from '../driver.ts';
import { fileCallLog, noCallLog } from './calls/call-log.ts';
import { type DummyConfig, dummyConfigSchema } from './config.ts';
import { createDummyDriver } from './dummy-driver.ts';
import { randomKey } from './storage/access-keys.ts';
import { directoryDocumentStore, memoryDocumentStore } from './storage/document-store.ts';

/**
 * The embedded default: a simulated backend for trials and tests. In its state directory several backends may live side by side:
 * each keeps its documents under `backends/<name>`, the call log is one for all.
 */
export const dummyDriver: DriverModule<DummyConfig> = {
  driverAPIVersion: 1,
  configSchema: dummyConfigSchema,
  identityFields: ['driverHandlesShareServers', 'stateDirectory'],
  createDriver: (options) => {
    const { backendName, config } = options;
    if (config.stateDirectory === undefined) {
      return createDummyDriver(options, {
        store: memoryDocumentStore(backendName),
        callLog: noCallLog,
        makeKey: randomKey,
      });
    }
    return createDummyDriver(options, {
      store: directoryDocumentStore(join(config.stateDirectory, 'backends', backendName)),
      callLog: fileCallLog(config.stateDirectory, backendName, () => new Date()),
      makeKey: randomKey,
    });
  },
};
