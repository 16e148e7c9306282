import { z } from 'zod';
import type {
  CallContext,
  DriverExportLocation,
  DriverServer,
  DriverWarning,
  ResizeRequest,
  ResizeResult,
  ShareCreateResult,
  ShareHealth,
  ShareRequest,
  WarningsResult,
} from '../driver.ts';
import { DriverError } from '../errors.ts';
import { uncPath } from '../kit/export-paths.ts';
import { ownerOf } from '../kit/owner.ts';
import type { Backend } from './backend.ts';
import type { Host } from './hosts/host.ts';
import { shareIdentifier } from './hosts/identifiers.ts';
import { onlyWarningsSchema, warningsSchema } from './hosts/results.ts';
import { rejected, type SambaReason } from './reasons.ts';

const quota = z.enum(['none', 'project']);
const addSchema = z.object({ path: z.string().min(1).max(80), quota, warnings: warningsSchema });
const resizeSchema = z.object({ quota, warnings: warningsSchema });

const describeSchema = z.discriminatedUnion('exists', [
  z.object({ exists: z.literal(false) }),
  z.object({
    exists: z.literal(true),
    path: z.string().min(1).max(80),
    size: z.number().int().nonnegative(),
    quota,
    reapplyAccess: z.boolean().nullish(),
    warnings: warningsSchema,
  }),
]);

/** Makes the share on its server, and finds it there where it is made already. */
export async function createShare(
  { hosts }: Backend,
  request: ShareRequest,
  context: CallContext,
): Promise<ShareCreateResult> {
  const { share } = request;
  const server = serverOf(request);
  if (share.protocol !== 'CIFS') {
    const message = `share ${share.name} asks for ${share.protocol}; this backend serves CIFS`;
    throw rejected('ShareProtocolNotSupported', message);
  }
  const host = hosts.of(server);
  const { id, size } = share;
  const { path, ...rest } = await host.call({
    verb: 'share-add',
    request: { owner: ownerOf(context), serverID: server.id, share: { id, name: `share-${id}`, size } },
    schema: addSchema,
    signal: context.signal,
  });
  return {
    identifier: shareIdentifier(host.name, server, share),
    exportLocations: exportLocationsOf(server, path),
    warnings: warningsOf(host, rest),
  };
}

/** Sets the size. @throws DriverError `Rejected` when the share holds more; nothing is lost then */
export async function resizeShare(
  { hosts }: Backend,
  request: ResizeRequest,
  context: CallContext,
): Promise<ResizeResult> {
  const server = serverOf(request);
  const { share, newSize } = request;
  const host = hosts.of(server);
  const result = await host.call({
    verb: 'share-resize',
    request: { owner: ownerOf(context), serverID: server.id, shareID: share.id, newSize },
    schema: resizeSchema,
    signal: context.signal,
  });
  return { warnings: warningsOf(host, result) };
}

/** Removes the share with its data; one that is gone is no failure. */
export async function deleteShare(
  { hosts }: Backend,
  request: ShareRequest,
  context: CallContext,
): Promise<WarningsResult> {
  const server = serverOf(request);
  // Without an identifier the server was never set up, and nothing can be on it.
  if (server.identifier === undefined) return {};
  try {
    const result = await hosts.of(server).call({
      verb: 'share-remove',
      request: { owner: ownerOf(context), serverID: server.id, shareID: request.share.id },
      schema: onlyWarningsSchema,
      signal: context.signal,
    });
    return { warnings: result?.warnings ?? [] };
  } catch (error) {
    if (error instanceof DriverError && error.kind === 'NotFound') return {};
    throw error;
  }
}

/** Whether the share is on its server, and how. */
export async function ensureShare(
  { hosts }: Backend,
  request: ShareRequest,
  context: CallContext,
): Promise<ShareHealth> {
  const server = serverOf(request);
  const host = hosts.of(server);
  const health = await host.call({
    verb: 'share-describe',
    request: { owner: ownerOf(context), serverID: server.id, shareID: request.share.id },
    schema: describeSchema,
    signal: context.signal,
  });
  if (!health.exists) return { exists: false, exportLocations: [], size: 0 };
  return {
    exists: true,
    exportLocations: exportLocationsOf(server, health.path),
    size: health.size,
    reapplyAccess: health.reapplyAccess ?? false,
    warnings: warningsOf(host, health),
  };
}

/** The warnings of a host, and one more if it does not enforce the sizes of shares. */
function warningsOf(
  { name }: Host,
  { quota: kind, warnings }: z.output<typeof resizeSchema>,
): readonly DriverWarning[] {
  if (kind === 'project') return warnings;
  const message = `the file system of host ${name} has no project quotas: the size of the share is not enforced`;
  return [...warnings, { reason: 'SizeNotEnforced' satisfies SambaReason, message }];
}

/** The share server of a request. @throws DriverError `Rejected` when there is none */
export function serverOf({ share, server }: ShareRequest): DriverServer {
  if (server !== undefined) return server;
  throw rejected('ShareServerMissing', `share ${share.name} needs a share server on this backend`);
}

/** Where clients find a share: by each address of its server, the first one preferred. */
export function exportLocationsOf(
  { hostname, allocations }: Pick<DriverServer, 'hostname' | 'allocations'>,
  shareName: string,
): readonly DriverExportLocation[] {
  return allocations.map(({ ipAddress }, index) => ({
    path: uncPath(ipAddress, shareName),
    address: ipAddress,
    preferred: index === 0,
    metadata: { shareName, server: hostname },
  }));
}
