import type {
  AccessRequest,
  AccessUpdates,
  CallContext,
  ResizeRequest,
  ResizeResult,
  ShareCreateResult,
  ShareHealth,
  ShareRequest,
} from '../driver.ts';
import { rejected } from '../kit/failures.ts';
import { ownerOf } from '../kit/owner.ts';
import { revokeAll, updateShareAccess } from './access.ts';
import { accessContextOf, type DummySystem } from './backend.ts';
import { grantedRulesOf } from './calls/call.ts';
import type { DummyFault } from './config.ts';
import { exportLocationsOf } from './export-locations.ts';
import type { ShareDocument } from './storage/documents.ts';

export function createShare(system: DummySystem, request: ShareRequest, context: CallContext): ShareCreateResult {
  const { id, name, protocol, size } = request.share;
  const server = placementOf(system, request, context);
  const existing = system.backend.findShare(id, ownerOf(context));
  const share: ShareDocument = existing ?? {
    ...ownerOf(context),
    id,
    name,
    namespace: context.tenant.namespace,
    ...server,
    protocol,
    size,
    usedBytes: 0,
    rules: {},
  };
  if (existing === undefined) system.backend.saveShare(share);
  return { identifier: `dummy-share-${id}`, exportLocations: locationsOf(system, share, context) };
}

/** A repeated call must not take back a size that was reached since. */
export function extendShare(system: DummySystem, request: ResizeRequest, context: CallContext): ResizeResult {
  const share = system.backend.getShare(request.share, ownerOf(context));
  if (request.newSize > share.size) system.backend.saveShare({ ...share, size: request.newSize });
  return { exportLocations: locationsOf(system, share, context) };
}

export function shrinkShare(system: DummySystem, request: ResizeRequest, context: CallContext): ResizeResult {
  const share = system.backend.getShare(request.share, ownerOf(context));
  if (request.newSize < share.usedBytes) {
    const why = `it holds ${share.usedBytes} bytes of data, more than the ${request.newSize} wanted`;
    throw rejected('ShareShrinkingPossibleDataLoss', `the share ${share.name} can't be shrunk: ${why}`);
  }
  if (request.newSize < share.size) system.backend.saveShare({ ...share, size: request.newSize });
  return { exportLocations: locationsOf(system, share, context) };
}

export function deleteShare(system: DummySystem, request: ShareRequest, context: CallContext): Record<string, never> {
  const share = system.backend.findShare(request.share.id, ownerOf(context));
  if (share === undefined) return {};
  revokeAll(share, accessContextOf(system, context));
  system.backend.removeShare(share.id);
  return {};
}

export function updateAccess(
  system: DummySystem,
  request: AccessRequest,
  context: CallContext,
  fault: DummyFault | undefined,
): AccessUpdates {
  const share = system.backend.findShare(request.share.id, ownerOf(context));
  // Nothing is granted on a share that is gone: denials have succeeded.
  if (share === undefined && grantedRulesOf(request).length === 0) return new Map();
  const existing = share ?? system.backend.getShare(request.share, ownerOf(context));
  return updateShareAccess(existing, request, accessContextOf(system, context, fault));
}

export function ensureShare(system: DummySystem, request: ShareRequest, context: CallContext): ShareHealth {
  const share = system.backend.findShare(request.share.id, ownerOf(context));
  if (share === undefined) return { exists: false, exportLocations: [], size: 0 };
  return {
    exists: true,
    exportLocations: locationsOf(system, share, context),
    size: share.size,
    reapplyAccess: share.reapplyAccess ?? false,
  };
}

function placementOf(
  { config, backend }: DummySystem,
  { share, server }: ShareRequest,
  context: CallContext,
): { serverID?: string } {
  if (!config.driverHandlesShareServers) return {};
  if (server === undefined) {
    throw rejected('ShareServerMissing', `the share ${share.name} needs a share server on this backend`);
  }
  return { serverID: backend.getServer(server, ownerOf(context)).id };
}

function locationsOf(
  { backendName, backend }: DummySystem,
  share: ShareDocument,
  context: CallContext,
): ShareCreateResult['exportLocations'] {
  const server = share.serverID === undefined ? undefined : backend.findServer(share.serverID, ownerOf(context));
  return exportLocationsOf(backendName, share, server?.addresses);
}
