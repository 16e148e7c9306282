import type {
  AccessUpdates,
  CallContext,
  SecurityServiceCheckRequest,
  SecurityServiceCheckResult,
  SecurityServiceUpdateRequest,
  SecurityServiceUpdateResult,
} from '../driver.ts';
import { ownerOf } from '../kit/owner.ts';
import { accessContextOf, updateShareKeys } from './access.ts';
import type { Backend } from './backend.ts';
import type { DummyFault } from './config.ts';
import { serviceRefusal } from './faults/rejections.ts';
import { rejected } from './reasons.ts';
import { backendDetailsOf, servicesByType } from './server-details.ts';

export function checkSecurityService(
  { config, storage, latency }: Backend,
  request: SecurityServiceCheckRequest,
  context: CallContext,
  fault: DummyFault | undefined,
): SecurityServiceCheckResult {
  const { newSecurityService, currentSecurityService } = request;
  if (!config.securityServiceUpdateSupport) return { compatible: false, ...updateNotSupported };
  storage.getServer(request.server, ownerOf(context));
  if (fault?.kind === 'incompatible') return { compatible: false, ...serviceRefusal(fault, request) };
  const moved = currentSecurityService !== undefined && currentSecurityService.domain !== newSecurityService.domain;
  const text = moved ? 'clients of the old domain have to log in again' : 'open sessions go on';
  return {
    compatible: true,
    impact: { disruptsSessions: moved, estimatedSeconds: Math.ceil(latency / 1000), text },
  };
}

export function updateSecurityService(
  backend: Backend,
  request: SecurityServiceUpdateRequest,
  context: CallContext,
  fault: DummyFault | undefined,
): SecurityServiceUpdateResult {
  const { config, storage } = backend;
  if (!config.securityServiceUpdateSupport) throw rejected(updateNotSupported.reason, updateNotSupported.message);
  const existing = storage.getServer(request.server, ownerOf(context));
  const securityServices = { ...existing.securityServices, ...servicesByType([request.newSecurityService]) };
  const server = { ...existing, securityServices };
  storage.saveServer(server);
  const backendDetails = backendDetailsOf(server);
  if (!config.rotateKeysOnUpdate && fault?.kind !== 'ruleError') return { backendDetails };
  return { backendDetails, accessUpdates: accessUpdates(backend, request, context, fault) };
}

function accessUpdates(
  backend: Backend,
  request: SecurityServiceUpdateRequest,
  context: CallContext,
  fault: DummyFault | undefined,
): Map<string, AccessUpdates> {
  const rotation = backend.config.rotateKeysOnUpdate
    ? {
        securityServiceID: request.newSecurityService.id,
        serverID: request.server.id,
        operationID: context.operation.id,
      }
    : undefined;
  const updates = new Map<string, AccessUpdates>();
  for (const { id } of request.shares) {
    const share = backend.storage.findShare(id, ownerOf(context));
    if (share === undefined) continue;
    const rules = request.accessRules.get(id) ?? [];
    updates.set(id, updateShareKeys(share, rules, rotation, accessContextOf(backend, context, fault)));
  }
  return updates;
}

const updateNotSupported = {
  reason: 'SecurityServiceUpdateNotSupported',
  message: 'share servers of this backend do not take a changed security service while in use',
} as const;
