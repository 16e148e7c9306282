import { shareServers } from '../api/v1alpha1/resource-types.ts';
import type { ShareServer } from '../api/v1alpha1/share-server.ts';
import type { ApiClient } from '../runtime/api-client.ts';
import { ApiError, isConflict } from '../runtime/api-error.ts';
import { explainFailure } from './api-failure.ts';

/** What can be set on share servers. */
export const capabilities = ['securityServiceUpdateSupport'] as const;

type Capability = (typeof capabilities)[number];

export interface CapabilityRequest {
  readonly namespace: string;
  readonly servers: readonly string[];
  readonly capability: Capability;
  readonly value: boolean;
  /** Only let the API server check it. */
  readonly dryRun: boolean;
}

/** Something about one server. */
export interface ServerNote {
  readonly server: string;
  readonly text: string;
}

export type CapabilityOutcome =
  /** Nothing was changed. */
  | { readonly kind: 'refused'; readonly problems: readonly ServerNote[] }
  | {
      readonly kind: 'done';
      readonly servers: readonly { readonly server: string; readonly was: boolean | undefined }[];
    }
  /** A write failed after others succeeded (or may have). */
  | {
      readonly kind: 'failed';
      readonly problem: ServerNote;
      /** These have again what they had. */
      readonly putBack: readonly string[];
      /** These could not be put back. */
      readonly left: readonly ServerNote[];
    };

const maxConflicts = 10;

const serverName = ({ metadata }: ShareServer): string => metadata.name;

/**
 * Sets a capability on all servers or on none: every server is read and the API server tries every write before the first one.
 * Where a write fails all the same, those before it are put back.
 */
export async function setCapability(client: ApiClient, request: CapabilityRequest): Promise<CapabilityOutcome> {
  const { namespace, capability, value } = request;
  const { found, problems: unknown } = await gather(request.servers, String, (name) =>
    client.get(shareServers, { namespace, name }),
  );
  if (unknown.length > 0) return { kind: 'refused', problems: unknown };
  const outdated = found.filter(({ spec }) => spec[capability] !== value);
  const { problems } = await gather(outdated, serverName, (server) => write(client, server, capability, value, true));
  if (problems.length > 0) return { kind: 'refused', problems };
  if (!request.dryRun) {
    const written: ShareServer[] = [];
    for (const server of outdated) {
      try {
        await write(client, server, capability, value, false);
        written.push(server);
      } catch (error) {
        // Without an answer it may have been written.
        const unsure = error instanceof ApiError && error.status === 0 ? [server] : [];
        const problem = { server: server.metadata.name, text: explainFailure(error) };
        return { kind: 'failed', problem, ...(await putBack(client, [...written, ...unsure], capability, value)) };
      }
    }
  }
  return {
    kind: 'done',
    servers: found.map(({ metadata, spec }) => ({ server: metadata.name, was: spec[capability] })),
  };
}

/**
 * Writes the capability of a server as it was read. That its status was written meanwhile does not matter, that its spec was does.
 */
async function write(
  client: ApiClient,
  read: ShareServer,
  capability: Capability,
  value: boolean | undefined,
  dryRun: boolean,
): Promise<void> {
  let server = read;
  for (let conflicts = 0; ; conflicts += 1) {
    const { namespace = '', name, uid, resourceVersion } = server.metadata;
    try {
      // In a merge patch null removes the field.
      const patch = { metadata: { uid, resourceVersion }, spec: { [capability]: value ?? null } };
      await client.mergePatch(shareServers, { namespace, name }, patch, { dryRun });
      return;
    } catch (error) {
      if (!isConflict(error) || conflicts >= maxConflicts) throw error;
    }
    const fresh = await client.get(shareServers, { namespace, name });
    if (fresh.metadata.uid !== uid || fresh.metadata.generation !== read.metadata.generation) {
      throw new Error('another user changed it at the same time');
    }
    server = fresh;
  }
}

async function putBack(
  client: ApiClient,
  servers: readonly ShareServer[],
  capability: Capability,
  value: boolean,
): Promise<{ readonly putBack: readonly string[]; readonly left: readonly ServerNote[] }> {
  const { found, problems } = await gather(servers, serverName, async (before) => {
    const { namespace = '', name } = before.metadata;
    const present = await client.get(shareServers, { namespace, name });
    if (present.spec[capability] === value) await write(client, present, capability, before.spec[capability], false);
    return name;
  });
  return { putBack: found, left: problems };
}

/** Asks something about each; one that fails does not keep the others from being asked. */
async function gather<I, T>(
  items: readonly I[],
  nameOf: (item: I) => string,
  ask: (item: I) => Promise<T>,
): Promise<{ readonly found: readonly T[]; readonly problems: readonly ServerNote[] }> {
  const found: T[] = [];
  const problems: ServerNote[] = [];
  const asked = items.map((item) => ({ name: nameOf(item), answer: ask(item) }));
  await Promise.allSettled(asked.map(({ answer }) => answer));
  for (const { name, answer } of asked) {
    try {
      found.push(await answer);
    } catch (error) {
      problems.push({ server: name, text: explainFailure(error) });
    }
  }
  return { found, problems };
}
