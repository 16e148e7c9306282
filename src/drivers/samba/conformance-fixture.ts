import { randomUUID } from 'node:crypto';
import type { ConformanceFixture } from '../conformance/fixture.ts';
import type { Driver, DriverAccessRule, DriverLogger, DriverSecurityService } from '../driver.ts';
import { type SambaConfig, sambaConfigSchema } from './config.ts';
import { sambaDriver } from './module.ts';

/** Prepared hosts, as a test has them: everything here goes past the driver. */
export interface TestHosts {
  /** `spec.samba`. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly privateKey: string;
  /** Where connections are accepted and nothing is answered. */
  readonly silentPort: number;
  /** A port of 127.0.0.1 that leads to the host, until a request is to stay on its way. */
  openDetour(): Promise<Detour>;
  /** An address that no share server had yet. */
  nextAddress(): { readonly ipAddress: string; readonly prefixLength: number };
  /** Services that fit the hosts' network; the second takes the place of the first. */
  readonly securityServices: { readonly initial: DriverSecurityService; readonly next: DriverSecurityService };
  /** Rules that a host has in force on a share. */
  rulesOf(serverID: string, shareID: string): Promise<readonly StoredRule[]>;
  /** Writes that many bytes into a share's directory. */
  fill(serverID: string, shareID: string, bytes: number): Promise<void>;
  stop(): Promise<void>;
}

/** A way to a host on which a request can stay. */
export interface Detour {
  readonly port: number;
  /** The next request stays on its way, and all that is sent after it. */
  hold(): void;
  /** Lets all of it arrive, and waits until the host has answered. */
  arrive(): Promise<void>;
}

/** A rule as the program on a host stores it. */
export interface StoredRule {
  readonly type: string;
  readonly to: string;
  readonly level: string;
}

const installationID = randomUUID();
const size = 64 * 2 ** 20;

/** A backend on real hosts for the conformance suite. */
export function createSambaFixture(hosts: TestHosts): ConformanceFixture {
  const { initial, next } = hosts.securityServices;
  /** By share id. */
  const serverIDs = new Map<string, string>();
  let count = 0;
  let opened = 0;
  const nextRule = (accessType: DriverAccessRule['accessType']): DriverAccessRule => {
    count += 1;
    const id = randomUUID();
    const accessTo = `10.20.${Math.floor(count / 250)}.${(count % 250) + 1}`;
    return { id, name: `rule-${count}`, accessType, accessTo, accessLevel: 'rw' };
  };
  const configAt = (port: number): SambaConfig => {
    const config = sambaConfigSchema.parse(hosts.config);
    return { ...config, hosts: config.hosts.map((host) => ({ ...host, address: '127.0.0.1', port })) };
  };
  const open = (logger: DriverLogger, config: SambaConfig = sambaConfigSchema.parse(hosts.config)): Driver => {
    // Drivers of cases that run side by side, of which the host would take the last one for the only one that is in use.
    opened += 1;
    const driver = sambaDriver.createDriver({
      backendName: `conformance-${opened}`,
      config,
      credentials: { sshPrivateKey: hosts.privateKey },
      installationID,
      logger,
    });
    return noticing(driver, serverIDs);
  };
  return {
    installationID,
    tenants: [
      { namespace: 'tenant-a', namespaceUID: randomUUID() },
      { namespace: 'tenant-b', namespaceUID: randomUUID() },
    ],
    openDriver: (logger) => open(logger),
    openSlowDriver: (logger) => open(logger, configAt(hosts.silentPort)),
    openLateDriver: async (logger) => {
      const detour = await hosts.openDetour();
      const driver = open(logger, configAt(detour.port));
      // It is logged in then.
      await driver.getCapabilities({ signal: AbortSignal.timeout(60_000), logger, installationID });
      detour.hold();
      return { driver, arrive: () => detour.arrive() };
    },
    newServer: () => {
      count += 1;
      const allocation = { ...hosts.nextAddress(), networkType: 'flat', subnetName: 'a' } as const;
      const server = { id: randomUUID(), name: `server-${count}`, hostname: `SN-${count}` };
      return {
        server: { ...server, backendDetails: {}, backendSecrets: {}, allocations: [allocation] },
        network: { id: randomUUID(), name: 'network', subnets: [], allocations: [allocation] },
      };
    },
    newShare: () => {
      count += 1;
      return { id: randomUUID(), name: `share-${count}`, protocol: 'CIFS', size, exportLocations: [] };
    },
    newRule: () => nextRule('ip'),
    badRule: () => nextRule('cert'),
    securityServices: { initial: [initial], next },
    grantedRules: async ({ id }) => {
      const rules = await hosts.rulesOf(serverIDs.get(id) ?? '', id);
      return rules.map(({ type, to, level }) => ({
        accessType: type === 'ip' ? 'ip' : 'user',
        accessTo: to,
        accessLevel: level === 'ro' ? 'ro' : 'rw',
      }));
    },
    fillShare: async ({ id }, server, bytes) => await hosts.fill(server?.id ?? '', id, bytes),
    secrets: [hosts.privateKey],
    abortBound: 1000,
    cleanup: () => hosts.stop(),
  };
}

/** Takes note of which server a share is made on: looking at the hosts needs both. */
function noticing(driver: Driver, serverIDs: Map<string, string>): Driver {
  const createShare = driver.createShare.bind(driver);
  driver.createShare = (request, context) => {
    serverIDs.set(request.share.id, request.server?.id ?? '');
    return createShare(request, context);
  };
  return driver;
}
