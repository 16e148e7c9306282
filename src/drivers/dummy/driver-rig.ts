import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type {
  AccessUpdates,
  CallContext,
  Driver,
  DriverAccessRule,
  DriverLogger,
  DriverSecurityService,
  SecurityServiceUpdateRequest,
  ServerSetupRequest,
  ShareRequest,
} from '../driver.ts';
import type { DummyBackendConfig } from './config.ts';
import { dummyConfigSchema } from './config.ts';
import { dummyDriver } from './module.ts';

const silent: DriverLogger = { debug() {}, info() {}, warn() {}, error() {} };

/** Dummy backends of a test with makers of requests. */
export interface DriverRig {
  /** Opens the driver of a backend; with the same name and directory it is the same backend. */
  open(config?: DummyBackendConfig, backendName?: string): Driver;
  readonly stateDirectory: string;
  /** The lines of `calls.jsonl`. */
  calls(): Promise<Record<string, unknown>[]>;
  cleanup(): Promise<void>;
}

export async function createDriverRig(): Promise<DriverRig> {
  const stateDirectory = await mkdtemp(join(tmpdir(), 'sharenet-dummy-'));
  return {
    stateDirectory,
    open: (config = {}, backendName = 'backend-1') =>
      dummyDriver.createDriver({
        backendName,
        config: dummyConfigSchema.parse({ stateDirectory, ...config }),
        credentials: {},
        installationID: 'installation-1',
        logger: silent,
      }),
    calls: async () => {
      const text = await readFile(join(stateDirectory, 'calls.jsonl'), 'utf8');
      return text
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line));
    },
    cleanup: () => rm(stateDirectory, { recursive: true, force: true }),
  };
}

/** The context of a call for tenant `a`, unless told otherwise. */
export function callContext(overrides: Partial<CallContext> = {}): CallContext {
  return {
    signal: AbortSignal.timeout(30_000),
    logger: silent,
    operation: { id: randomUUID(), attempt: 1 },
    installationID: 'installation-1',
    tenant: { namespace: 'tenant-a', namespaceUID: 'uid-a' },
    ...overrides,
  };
}

/** A request about the share server of this name. */
export function serverRequest(name: string, services: readonly DriverSecurityService[] = []): ServerSetupRequest {
  const allocation = { ipAddress: '10.0.0.7', prefixLength: 24, networkType: 'flat', subnetName: 'a' } as const;
  return {
    server: {
      id: `uid-${name}`,
      name,
      hostname: name.toUpperCase(),
      backendDetails: {},
      backendSecrets: { token: 'secret-token' },
      allocations: [allocation],
    },
    network: { id: 'uid-network', name: 'network', subnets: [], allocations: [allocation] },
    securityServices: services,
  };
}

/** A request about the CephFS share of this name on a share server. */
export function shareRequest(name: string, server: ServerSetupRequest): Required<ShareRequest> {
  return {
    share: { id: `uid-${name}`, name, protocol: 'CEPHFS', size: 2 ** 30, exportLocations: [] },
    server: server.server,
  };
}

/** A share server and shares on it that are made. */
export async function makeShares(
  driver: Driver,
  serverName: string,
  shareNames: readonly string[],
): Promise<{ server: ServerSetupRequest; shares: Required<ShareRequest>[] }> {
  const server = serverRequest(serverName);
  await driver.setupServer(server, callContext());
  const shares = shareNames.map((name) => shareRequest(name, server));
  for (const share of shares) await driver.createShare(share, callContext());
  return { server, shares };
}

/** A rule for a cephx id, or of another type. */
export function accessRule(accessTo: string, accessType: DriverAccessRule['accessType'] = 'cephx'): DriverAccessRule {
  return { id: `uid-rule-${accessTo}`, name: `rule-${accessTo}`, accessType, accessTo, accessLevel: 'rw' };
}

/** Grants rules on a share. */
export function grant(
  driver: Driver,
  share: ShareRequest,
  rules: readonly DriverAccessRule[],
  context: CallContext = callContext(),
): Promise<AccessUpdates> {
  return driver.updateAccess(
    { ...share, accessRules: rules, addRules: rules, deleteRules: [], updateRules: [] },
    context,
  );
}

/** Recovers a share. */
export function recover(
  driver: Driver,
  share: ShareRequest,
  rules: readonly DriverAccessRule[],
): Promise<AccessUpdates> {
  const none = { addRules: [], deleteRules: [], updateRules: [] };
  return driver.updateAccess({ ...share, accessRules: rules, ...none }, callContext());
}

/** An Active Directory service of this name. */
export function activeDirectory(name: string): DriverSecurityService {
  return {
    id: `uid-${name}`,
    name,
    type: 'active_directory',
    domain: `${name}.example`,
    dnsIPs: ['10.0.0.2'],
    user: 'joiner',
    password: `password-of-${name}`,
  };
}

/** The request to give a server another service. */
export function serviceUpdate(
  server: ServerSetupRequest,
  newSecurityService: DriverSecurityService,
  rules: readonly (readonly [ShareRequest, readonly DriverAccessRule[]])[] = [],
): SecurityServiceUpdateRequest {
  return {
    ...server,
    shares: rules.map(([{ share }]) => share),
    accessRules: new Map(rules.map(([{ share }, list]) => [share.id, list])),
    newSecurityService,
  };
}
