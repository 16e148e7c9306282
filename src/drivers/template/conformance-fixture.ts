import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ConformanceFixture } from '../conformance/fixture.ts';
import type { Driver, DriverLogger, DriverSecurityService } from '../driver.ts';
import { templateConfigSchema } from './config.ts';
import { templateDriver } from './module.ts';
import { StorageSystem } from './storage-system.ts';
import { createTemplateDriver } from './template-driver.ts';

const installationID = 'installation-1';
const signal = new AbortController().signal;

/** What the suite works with. Yours: addresses, users and domains that your storage system accepts. */
export async function createTemplateFixture(): Promise<ConformanceFixture> {
  const directory = await mkdtemp(join(tmpdir(), 'sharenet-template-'));
  // Looks at the storage system past the driver.
  const system = new StorageSystem({ directory });
  let count = 0;
  const next = (kind: string): { id: string; name: string } => {
    count += 1;
    return { id: `${kind}-${count}`, name: `${kind}-${count}` };
  };
  const open = (logger: DriverLogger, config: object = {}): Driver =>
    templateDriver.createDriver({
      backendName: 'conformance',
      config: templateConfigSchema.parse({ directory, ...config }),
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
    // Not by the module: how to slow a storage system down is no business of its configuration.
    openSlowDriver: (logger) =>
      createTemplateDriver({ system: new StorageSystem({ directory }, 3_600_000), config: { jobs: false }, logger }),
    openInProgressDriver: (logger) => open(logger, { jobs: true }),
    newServer: () => {
      const server = next('server');
      const allocation = {
        ipAddress: `10.0.0.${count % 256}`,
        prefixLength: 24,
        networkType: 'flat',
        subnetName: 'a',
      } as const;
      return {
        server: {
          ...server,
          hostname: `SN-${count}`,
          backendDetails: {},
          backendSecrets: {},
          allocations: [allocation],
        },
        network: { id: 'network-1', name: 'network', subnets: [], allocations: [allocation] },
      };
    },
    newShare: () => ({ ...next('share'), protocol: 'CIFS', size: 2 ** 30, exportLocations: [] }),
    newRule: () => ({ ...next('rule'), accessType: 'user', accessTo: `user-${count}`, accessLevel: 'rw' }),
    badRule: () => ({ ...next('rule'), accessType: 'cert', accessTo: 'client.example', accessLevel: 'rw' }),
    securityServices: { initial: [activeDirectory('corp')], next: activeDirectory('lab') },
    grantedRules: async ({ id }) => (await system.share(id, signal))?.rules ?? [],
    fillShare: async ({ id }, _server, used) => {
      const share = await system.share(id, signal);
      if (share !== undefined) await system.saveShare(id, { ...share, used }, signal);
    },
    abortBound: 1000,
    cleanup: () => rm(directory, { recursive: true, force: true }),
  };
}

function activeDirectory(name: string): DriverSecurityService {
  return {
    id: `service-${name}`,
    name,
    type: 'active_directory',
    dnsIPs: ['10.0.0.2'],
    domain: `${name}.example`,
    user: 'joiner',
    password: `password-of-${name}`,
  };
}
