import { z } from 'zod';
import { safeText } from '../../values/safe-text.ts';
import type {
  CallContext,
  ServerHealth,
  ServerRequest,
  ServerSetupRequest,
  ServerSetupResult,
  WarningsResult,
} from '../driver.ts';
import { DriverError } from '../errors.ts';
import { changedError } from '../kit/failures.ts';
import { ownerOf } from '../kit/owner.ts';
import { type Backend, longSeconds } from './backend.ts';
import type { Host } from './hosts/host.ts';
import { serverIdentifier, workOn } from './hosts/identifiers.ts';
import { passwordsOf, serverView, serviceView, settingsOf } from './hosts/requests.ts';
import {
  type CreateResult,
  createResultSchema,
  credentialsIn,
  type HostWarning,
  onlyWarningsSchema,
  warningsSchema,
} from './hosts/results.ts';
import { rejected } from './reasons.ts';

const describeSchema = z.object({
  exists: z.boolean(),
  healthy: z.boolean(),
  reason: z.string().nullish(),
  message: z.string().nullish(),
  warnings: warningsSchema,
  credentialsExpireTime: z.iso.datetime().nullish(),
});

/**
 * Makes the server on a host, and joins its directory.
 * @throws InProgress once a host is chosen, and while that is at it for longer than a call should wait
 */
export async function setupServer(
  backend: Backend,
  request: ServerSetupRequest,
  context: CallContext,
): Promise<ServerSetupResult> {
  const { server } = request;
  if (server.allocations.length === 0) {
    throw rejected('NetworkAllocationMissing', `share server ${server.name} needs an address and has none`);
  }
  const host = await backend.choice.forSetup(server, context);
  const identifier = serverIdentifier(host.name, server);
  try {
    const { details, warnings } = await backend.setups.run(workOn(server, host), context, (signal) =>
      create(backend, host, request, context, signal),
    );
    backend.choice.settled(server);
    return { identifier, backendDetails: { ...details, host: host.name }, warnings };
  } catch (error) {
    // Something may have been made: the tear-down has to find it.
    if (!(error instanceof DriverError)) throw error;
    const backendDetails = { ...error.partial?.backendDetails, host: host.name };
    throw changedError(error, { partial: { identifier, backendDetails } });
  }
}

function create(
  { config }: Backend,
  host: Host,
  { server, securityServices }: ServerSetupRequest,
  context: CallContext,
  signal: AbortSignal,
): Promise<CreateResult> {
  return host.call({
    verb: 'create',
    request: {
      interface: host.config.interface,
      owner: ownerOf(context),
      server: serverView(server),
      workgroup: config.workgroup,
      securityServices: securityServices.map(serviceView),
      settings: settingsOf(config),
    },
    schema: createResultSchema,
    signal,
    deadlineSeconds: longSeconds,
    secrets: passwordsOf(securityServices),
    serviceID: securityServices[0]?.id,
  });
}

/**
 * Removes the server wherever it is. The program refuses while there are shares on it.
 * @throws InProgress while it takes longer than a call should wait
 */
export async function teardownServer(
  backend: Backend,
  { server, securityServices }: ServerSetupRequest,
  context: CallContext,
): Promise<WarningsResult> {
  const warnings: HostWarning[] = [];
  for (const host of await backend.choice.whereIs(server, context.signal)) {
    const removed = await backend.teardowns.run(workOn(server, host), context, async (signal) => {
      const result = await host.call({
        verb: 'remove',
        request: {
          owner: ownerOf(context),
          serverID: server.id,
          securityServices: securityServices.map(serviceView),
          settings: settingsOf(backend.config),
        },
        schema: onlyWarningsSchema,
        signal,
        deadlineSeconds: longSeconds,
        secrets: passwordsOf(securityServices),
      });
      return { warnings: result?.warnings ?? [] };
    });
    warnings.push(...removed.warnings);
  }
  backend.choice.settled(server);
  return { warnings, ...credentialsIn(warnings) };
}

/** Reason of the program for a server whose directory refuses the password that it was set up with. */
const directoryPasswordRefused = 'DirectoryPasswordRefused';

const startSchema = z.object({ failed: z.record(z.string(), z.string()) });

/** The state of a server. One that was never set up does not exist; one that does not run, as after a reboot of its host, is started. */
export async function ensureServer(
  { hosts, config }: Backend,
  { server }: ServerRequest,
  context: CallContext,
): Promise<ServerHealth> {
  if (server.identifier === undefined) {
    return { exists: false, healthy: false, reason: `share server ${server.name} was never set up` };
  }
  const host = hosts.of(server);
  // With the settings that the backend has now: the host brings changed denied ranges into force.
  const describe = () => {
    const request = { owner: ownerOf(context), serverID: server.id, settings: settingsOf(config) };
    return host.call({ verb: 'describe', request, schema: describeSchema, signal: context.signal });
  };
  let health = await describe();
  if (health.exists && health.reason === 'ServerNotRunning') {
    const request = { serverID: server.id };
    const { failed } = await host.call({ verb: 'start', request, schema: startSchema, signal: context.signal });
    const failure = failed[server.id];
    health = failure === undefined ? await describe() : { ...health, message: failure };
  }
  const { exists, healthy, reason, message, warnings, credentialsExpireTime } = health;
  const why = message ?? reason;
  return {
    exists,
    healthy,
    warnings,
    ...(why == null ? {} : { reason: safeText(why) }),
    ...(reason == null ? {} : { code: reason }),
    ...(reason === directoryPasswordRefused ? { credentialsRefused: true } : {}),
    ...(credentialsExpireTime == null ? {} : { credentialsExpireTime }),
  };
}
