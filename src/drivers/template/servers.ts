import type {
  CallContext,
  DriverSecurityService,
  DriverServer,
  ServerHealth,
  ServerRequest,
  ServerSetupRequest,
  ServerSetupResult,
  WarningsResult,
} from '../driver.ts';
import { ownerOf, ownerTag, requireOwner } from '../kit/owner.ts';
import type { Backend } from './backend.ts';
import { notFound, rejected } from './reasons.ts';
import type { StoredServer } from './storage-system.ts';

export async function setupServer(
  backend: Backend,
  { server, securityServices }: ServerSetupRequest,
  context: CallContext,
): Promise<ServerSetupResult> {
  if (server.allocations.length === 0) {
    throw rejected('NetworkAllocationMissing', `the share server ${server.name} needs an address and has none`);
  }
  const present = await findServer(backend, server, context);
  const domain = domainOf(securityServices) ?? present?.domain;
  const stored: StoredServer = {
    owner: ownerTag(ownerOf(context)),
    hostname: server.hostname,
    addresses: server.allocations.map(({ ipAddress }) => ipAddress),
    ...(domain === undefined ? {} : { domain }),
  };
  // Yours: create the server, join the domain. Any of it may have been done by an earlier call.
  await backend.system.saveServer(server.id, stored, context.signal);
  return { identifier: `server-${server.id}`, backendDetails: detailsOf(stored) };
}

export async function teardownServer(
  backend: Backend,
  { server }: ServerSetupRequest,
  context: CallContext,
): Promise<WarningsResult> {
  if ((await findServer(backend, server, context)) === undefined) return {};
  const shares = await backend.system.sharesOn(server.id, context.signal);
  if (shares > 0) throw rejected('ServerNotEmpty', `the share server ${server.name} holds ${shares} shares`);
  // Yours: leave the domain. There may be no password, and the domain may not answer: warn about what remains there, and continue.
  await backend.system.removeServer(server.id, context.signal);
  return {};
}

export async function ensureServer(
  backend: Backend,
  { server }: ServerRequest,
  context: CallContext,
): Promise<ServerHealth> {
  const exists = (await findServer(backend, server, context)) !== undefined;
  // Yours: whether it serves, and still trusts its domain.
  return { exists, healthy: exists };
}

/** undefined when there is none. @throws DriverError `Rejected` when it is another owner's */
async function findServer(
  { system }: Backend,
  { id, name }: DriverServer,
  context: CallContext,
): Promise<StoredServer | undefined> {
  const found = await system.server(id, context.signal);
  if (found !== undefined) requireOwner(ownerOf(context), found.owner, `the share server ${name}`);
  return found;
}

/** @throws DriverError `NotFound`, or `Rejected` when it is another owner's */
export async function getServer(backend: Backend, server: DriverServer, context: CallContext): Promise<StoredServer> {
  const found = await findServer(backend, server, context);
  if (found !== undefined) return found;
  throw notFound('ShareServerNotFound', `the share server ${server.name} is not on the storage system`);
}

/** The domain that a server joins. */
export function domainOf(services: readonly DriverSecurityService[]): string | undefined {
  return services.find(({ type }) => type === 'active_directory')?.domain;
}

/** The tenant can read these: never a password. */
export function detailsOf({ hostname, domain }: StoredServer): Readonly<Record<string, string>> {
  return domain === undefined ? { hostname } : { hostname, domain };
}
