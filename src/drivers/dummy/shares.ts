import type {
  CallContext,
  ResizeRequest,
  ResizeResult,
  ShareCreateResult,
  ShareHealth,
  ShareRequest,
} from '../driver.ts';
import { ownerOf } from '../kit/owner.ts';
import { accessContextOf, revokeAll } from './access.ts';
import type { Backend } from './backend.ts';
import { exportLocationsOf } from './export-locations.ts';
import { rejected } from './reasons.ts';
import type { ShareDocument } from './storage/documents.ts';

export function createShare(backend: Backend, request: ShareRequest, context: CallContext): ShareCreateResult {
  const { id, name, protocol, size } = request.share;
  const server = placementOf(backend, request, context);
  const existing = backend.storage.findShare(id, ownerOf(context));
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
  if (existing === undefined) backend.storage.saveShare(share);
  return { identifier: `dummy-share-${id}`, exportLocations: locationsOf(backend, share, context) };
}

/** A repeated call must not take back a size that was reached since. */
export function extendShare(backend: Backend, request: ResizeRequest, context: CallContext): ResizeResult {
  const share = backend.storage.getShare(request.share, ownerOf(context));
  if (request.newSize > share.size) backend.storage.saveShare({ ...share, size: request.newSize });
  return { exportLocations: locationsOf(backend, share, context) };
}

export function shrinkShare(backend: Backend, request: ResizeRequest, context: CallContext): ResizeResult {
  const share = backend.storage.getShare(request.share, ownerOf(context));
  if (request.newSize < share.usedBytes) {
    const why = `it holds ${share.usedBytes} bytes of data, more than the ${request.newSize} wanted`;
    throw rejected('ShareShrinkingPossibleDataLoss', `the share ${share.name} can't be shrunk: ${why}`);
  }
  if (request.newSize < share.size) backend.storage.saveShare({ ...share, size: request.newSize });
  return { exportLocations: locationsOf(backend, share, context) };
}

export function deleteShare(backend: Backend, request: ShareRequest, context: CallContext): Record<string, never> {
  const share = backend.storage.findShare(request.share.id, ownerOf(context));
  if (share === undefined) return {};
  revokeAll(share, accessContextOf(backend, context));
  backend.storage.removeShare(share.id);
  return {};
}

export function ensureShare(backend: Backend, request: ShareRequest, context: CallContext): ShareHealth {
  const share = backend.storage.findShare(request.share.id, ownerOf(context));
  if (share === undefined) return { exists: false, exportLocations: [], size: 0 };
  return {
    exists: true,
    exportLocations: locationsOf(backend, share, context),
    size: share.size,
    reapplyAccess: share.reapplyAccess ?? false,
  };
}

function placementOf(
  { config, storage }: Backend,
  { share, server }: ShareRequest,
  context: CallContext,
): { serverID?: string } {
  if (!config.driverHandlesShareServers) return {};
  if (server === undefined) {
    throw rejected('ShareServerMissing', `the share ${share.name} needs a share server on this backend`);
  }
  return { serverID: storage.getServer(server, ownerOf(context)).id };
}

function locationsOf(
  { backendName, storage }: Backend,
  share: ShareDocument,
  context: CallContext,
): ShareCreateResult['exportLocations'] {
  const server = share.serverID === undefined ? undefined : storage.findServer(share.serverID, ownerOf(context));
  return exportLocationsOf(backendName, share, server?.addresses);
}
