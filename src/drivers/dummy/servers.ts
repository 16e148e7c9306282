import type {
  CallContext,
  DriverWarning,
  ServerHealth,
  ServerRequest,
  ServerSetupRequest,
  ServerSetupResult,
  WarningsResult,
} from '../driver.ts';
import { ownerOf } from '../kit/owner.ts';
import type { Backend } from './backend.ts';
import type { DummyFault } from './config.ts';
import { callRejection } from './faults/rejections.ts';
import { type DummyReason, rejected } from './reasons.ts';
import { backendDetailsOf, servicesByType } from './server-details.ts';
import type { ServerDocument } from './storage/documents.ts';

export function setupServer(
  { config, storage }: Backend,
  request: ServerSetupRequest,
  context: CallContext,
  fault: DummyFault | undefined,
): ServerSetupResult {
  const { id, name, hostname, allocations } = request.server;
  if (!config.driverHandlesShareServers) {
    throw rejected('ShareServersNotHandled', `this backend makes no share servers: it can't set up ${name}`);
  }
  if (allocations.length === 0) {
    throw rejected('NetworkAllocationMissing', `the share server ${name} needs an address and has none`);
  }
  const server: ServerDocument = {
    ...storage.findServer(id, ownerOf(context)),
    ...ownerOf(context),
    id,
    name,
    namespace: context.tenant.namespace,
    hostname,
    addresses: allocations.map(({ ipAddress }) => ipAddress),
    securityServices: servicesByType(request.securityServices),
  };
  storage.saveServer(server);
  const result = { identifier: `dummy-server-${id}`, backendDetails: backendDetailsOf(server) };
  if (fault?.kind === 'rejected') throw callRejection(fault, request, result);
  return result;
}

export function teardownServer(
  { storage }: Backend,
  request: ServerSetupRequest,
  context: CallContext,
): WarningsResult {
  const { id, name } = request.server;
  const server = storage.findServer(id, ownerOf(context));
  if (server === undefined) return {};
  const shares = storage.sharesOn(id);
  if (shares > 0) {
    throw rejected('ShareServerInUse', `the share server ${name} holds ${shares} shares; delete them first`);
  }
  storage.removeServer(id);
  return machineAccountLeft(server, request);
}

export function ensureServer({ storage }: Backend, request: ServerRequest, context: CallContext): ServerHealth {
  const server = storage.findServer(request.server.id, ownerOf(context));
  if (server === undefined) return { exists: false, healthy: false, reason: 'the share server is not on the backend' };
  const { unhealthyReason, unhealthyCode, credentialsExpireTime } = server;
  const expiry = credentialsExpireTime === undefined ? {} : { credentialsExpireTime };
  if (unhealthyReason === undefined) return { exists: true, healthy: true, ...expiry };
  const code = unhealthyCode === undefined ? {} : { code: unhealthyCode };
  return { exists: true, healthy: false, reason: unhealthyReason, ...code, ...expiry };
}

/** The machine account can be removed from the directory with a password only. */
function machineAccountLeft(server: ServerDocument, request: ServerSetupRequest): WarningsResult {
  if (server.securityServices.active_directory === undefined) return {};
  const service = request.securityServices.find(({ type }) => type === 'active_directory');
  if (service?.password !== undefined) return {};
  const warning: DriverWarning = {
    reason: 'MachineAccountLeft' satisfies DummyReason,
    message: `the machine account ${server.hostname} is left in the directory: there was no password to remove it`,
  };
  return { warnings: [warning] };
}
