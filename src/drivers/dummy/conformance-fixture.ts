import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ConformanceFixture } from '../conformance/fixture.ts';
import type { Driver, DriverLogger, DriverSecurityService } from '../driver.ts';
import type { DummyBackendConfig } from './config.ts';
import { dummyConfigSchema } from './config.ts';
import { dummyDriver } from './module.ts';
import { directoryDocumentStore } from './storage/document-store.ts';
import { shareSchema } from './storage/documents.ts';

const installationID = 'installation-1';
const backendName = 'conformance';

/**
 * A dummy backend in a directory of its own for the conformance suite.
 * @param config goes on top of the defaults
 */
export async function createDummyFixture(config: DummyBackendConfig = {}): Promise<ConformanceFixture> {
  const stateDirectory = await mkdtemp(join(tmpdir(), 'sharenet-dummy-'));
  const store = directoryDocumentStore(join(stateDirectory, 'backends', backendName));
  let count = 0;
  const next = (): number => {
    count += 1;
    return count;
  };
  const open = (logger: DriverLogger, overrides: DummyBackendConfig = {}): Driver =>
    dummyDriver.createDriver({
      backendName,
      config: dummyConfigSchema.parse({ ...config, stateDirectory, ...overrides }),
      credentials: {},
      installationID,
      logger,
    });
  return {
    installationID,
    tenants: [
      { namespace: 'tenant-a', namespaceUID: '1b4e28ba-2fa1-4000-8000-00000000000a' },
      { namespace: 'tenant-b', namespaceUID: '1b4e28ba-2fa1-4000-8000-00000000000b' },
    ],
    openDriver: (logger) => open(logger),
    openSlowDriver: (logger) => open(logger, { latency: '1h' }),
    openInProgressDriver: (logger) => open(logger, { faults: [{ operation: 'createShare', kind: 'inProgress' }] }),
    newServer: () => {
      const number = next();
      const allocation = {
        ipAddress: `10.0.0.${number % 256}`,
        prefixLength: 24,
        networkType: 'flat',
        subnetName: 'a',
      } as const;
      const id = `server-${number}`;
      const server = { id, name: id, hostname: `SN-${number}`, backendDetails: {}, backendSecrets: {} };
      return {
        server: { ...server, allocations: [allocation] },
        network: { id: 'network-1', name: 'network', subnets: [], allocations: [allocation] },
      };
    },
    newShare: () => {
      const id = `share-${next()}`;
      return { id, name: id, protocol: 'CEPHFS', size: 2 ** 30, exportLocations: [] };
    },
    newRule: () => {
      const number = next();
      return {
        id: `rule-${number}`,
        name: `rule-${number}`,
        accessType: 'ip',
        accessTo: `10.1.${Math.floor(number / 256)}.${number % 256}`,
        accessLevel: 'rw',
      };
    },
    badRule: () => {
      const id = `rule-${next()}`;
      return { id, name: id, accessType: 'cert', accessTo: 'client.example', accessLevel: 'rw' };
    },
    newKeyedRule: (_share, accessTo) => {
      const id = `rule-${next()}`;
      return { id, name: id, accessType: 'cephx', accessTo: accessTo ?? `client-${id}`, accessLevel: 'rw' };
    },
    securityServices: {
      initial: [activeDirectory('corp', 'hunter2-corp')],
      next: activeDirectory('lab', 'hunter2-lab'),
    },
    grantedRules: async (share) => Object.values(shareSchema.parse(store.read('shares', share.id)).rules),
    fillShare: async (share, _server, usedBytes) => {
      store.write('shares', share.id, { ...shareSchema.parse(store.read('shares', share.id)), usedBytes });
    },
    abortBound: 1000,
    cleanup: () => rm(stateDirectory, { recursive: true, force: true }),
  };
}

function activeDirectory(name: string, password: string): DriverSecurityService {
  return {
    id: `service-${name}`,
    name,
    type: 'active_directory',
    dnsIPs: ['10.0.0.2'],
    domain: `${name}.example`,
    user: 'joiner',
    password,
  };
}
