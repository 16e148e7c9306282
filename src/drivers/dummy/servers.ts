import type {
  AccessUpdates,
  CallContext,
  DriverWarning,
  SecurityServiceCheckRequest,
  SecurityServiceCheckResult,
  SecurityServiceUpdateRequest,
  SecurityServiceUpdateResult,
  ServerHealth,
  ServerRequest,
  ServerSetupRequest,
  ServerSetupResult,
  WarningsResult,
} from '../driver.ts';
import { rejected } from '../kit/failures.ts';
import { ownerOf } from '../kit/owner.ts';
import { updateShareKeys } from './access.ts';
import { accessContextOf, type DummySystem } from './backend.ts';
import type { DummyFault } from './config.ts';
import { callRejection, serviceRefusal } from './faults/rejections.ts';
import { backendDetailsOf, servicesByType } from './server-details.ts';
import type { ServerDocument } from './storage/documents.ts';

export function setupServer(
  { config, backend }: DummySystem,
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
    ...backend.findServer(id, ownerOf(context)),
    ...ownerOf(context),
    id,
    name,
    namespace: context.tenant.namespace,
    hostname,
    addresses: allocations.map(({ ipAddress }) => ipAddress),
    securityServices: servicesByType(request.securityServices),
  };
  backend.saveServer(server);
  const result = { identifier: `dummy-server-${id}`, backendDetails: backendDetailsOf(server) };
  if (fault?.kind === 'rejected') throw callRejection(fault, request, result);
  return result;
}

export function teardownServer(
  { backend }: DummySystem,
  request: ServerSetupRequest,
  context: CallContext,
): WarningsResult {
  const { id, name } = request.server;
  const server = backend.findServer(id, ownerOf(context));
  if (server === undefined) return {};
  const shares = backend.sharesOn(id);
  if (shares > 0) {
    throw rejected('ShareServerInUse', `the share server ${name} holds ${shares} shares; delete them first`);
  }
  backend.removeServer(id);
  return machineAccountLeft(server, request);
}

export function ensureServer({ backend }: DummySystem, request: ServerRequest, context: CallContext): ServerHealth {
  const server = backend.findServer(request.server.id, ownerOf(context));
  if (server === undefined) return { exists: false, healthy: false, reason: 'the share server is not on the backend' };
  const { unhealthyReason, unhealthyCode, credentialsExpireTime } = server;
  const expiry = credentialsExpireTime === undefined ? {} : { credentialsExpireTime };
  if (unhealthyReason === undefined) return { exists: true, healthy: true, ...expiry };
  const code = unhealthyCode === undefined ? {} : { code: unhealthyCode };
  return { exists: true, healthy: false, reason: unhealthyReason, ...code, ...expiry };
}

export function checkSecurityService(
  { config, backend, latency }: DummySystem,
  request: SecurityServiceCheckRequest,
  context: CallContext,
  fault: DummyFault | undefined,
): SecurityServiceCheckResult {
  const { newSecurityService, currentSecurityService } = request;
  if (!config.securityServiceUpdateSupport) return { compatible: false, ...updateNotSupported };
  backend.getServer(request.server, ownerOf(context));
  if (fault?.kind === 'incompatible') return { compatible: false, ...serviceRefusal(fault, request) };
  const moved = currentSecurityService !== undefined && currentSecurityService.domain !== newSecurityService.domain;
  const text = moved ? 'clients of the old domain have to log in again' : 'open sessions go on';
  return {
    compatible: true,
    impact: { disruptsSessions: moved, estimatedSeconds: Math.ceil(latency / 1000), text },
  };
}

export function updateSecurityService(
  system: DummySystem,
  request: SecurityServiceUpdateRequest,
  context: CallContext,
  fault: DummyFault | undefined,
): SecurityServiceUpdateResult {
  const { config, backend } = system;
  if (!config.securityServiceUpdateSupport) throw rejected(updateNotSupported.reason, updateNotSupported.message);
  const existing = backend.getServer(request.server, ownerOf(context));
  const securityServices = { ...existing.securityServices, ...servicesByType([request.newSecurityService]) };
  const server = { ...existing, securityServices };
  backend.saveServer(server);
  const backendDetails = backendDetailsOf(server);
  if (!config.rotateKeysOnUpdate && fault?.kind !== 'ruleError') return { backendDetails };
  return { backendDetails, accessUpdates: accessUpdates(system, request, context, fault) };
}

function accessUpdates(
  system: DummySystem,
  request: SecurityServiceUpdateRequest,
  context: CallContext,
  fault: DummyFault | undefined,
): Map<string, AccessUpdates> {
  const rotation = system.config.rotateKeysOnUpdate
    ? {
        securityServiceID: request.newSecurityService.id,
        serverID: request.server.id,
        operationID: context.operation.id,
      }
    : undefined;
  const updates = new Map<string, AccessUpdates>();
  for (const { id } of request.shares) {
    const share = system.backend.findShare(id, ownerOf(context));
    if (share === undefined) continue;
    const rules = request.accessRules.get(id) ?? [];
    updates.set(id, updateShareKeys(share, rules, rotation, accessContextOf(system, context, fault)));
  }
  return updates;
}

const updateNotSupported = {
  reason: 'SecurityServiceUpdateNotSupported',
  message: 'share servers of this backend do not take a changed security service while in use',
};

/** Without a password nobody can remove the machine account from the directory. */
function machineAccountLeft(server: ServerDocument, request: ServerSetupRequest): WarningsResult {
  if (server.securityServices.active_directory === undefined) return {};
  const service = request.securityServices.find(({ type }) => type === 'active_directory');
  if (service?.password !== undefined) return {};
  const warning: DriverWarning = {
    reason: 'MachineAccountLeft',
    message: `the machine account ${server.hostname} is left in the directory: there was no password to remove it`,
  };
  return { warnings: [warning] };
}
