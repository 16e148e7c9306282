import { z } from 'zod';
import type { CephCommand, CommandTarget } from '../rados/commands.ts';
import { errorNameOf } from '../rados/error-number.ts';
import { unavailable } from '../reasons.ts';
import { type Cluster, commandError, parseOutput, runCommand } from './commands.ts';
import type { MetadataServer } from './file-system.ts';
import { readFileSystem } from './file-system.ts';
import { type ClientSession, type ConcernedSessions, sortSessions } from './sessions-to-evict.ts';

const sessionsSchema = z.array(
  z.object({ id: z.int(), client_metadata: z.object({ root: z.string().optional() }).optional() }),
);

/** Whose sessions are evicted, and from where. */
export interface Eviction {
  readonly fsName: string;
  readonly authID: string;
  /** Path of the subvolume. */
  readonly path: string;
  /**
   * Which of the sessions that a denial may concern are evicted: any user of the cluster may have the id. Asked only where there are
   * such sessions.
   */
  choose(sessions: ConcernedSessions): Promise<readonly number[]>;
}

/**
 * Throws out the clients that use a cephx id on a share, on every rank. The id must have been denied before, or they would come
 * back. Their instances are put on Ceph's blocklist: nothing that they have cached is written any more.
 * @returns how many sessions there were
 */
export async function evictClients(
  cluster: Cluster,
  { fsName, authID, path, choose }: Eviction,
  signal: AbortSignal,
): Promise<number> {
  const { servers } = await readFileSystem(cluster, fsName, signal);
  const counts = await Promise.all(
    servers.map(async (server) => {
      const concerned = sortSessions(await listSessions(cluster, server, authID, signal), path);
      if (concerned.onShare.length + concerned.unknown.length === 0) return 0;
      const sessions = await choose(concerned);
      await Promise.all(sessions.map((id) => evict(cluster, server, id, signal)));
      return sessions.length;
    }),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}

/** The sessions that authenticated as a cephx id; by what the server knows, not by what the client says of itself. */
export async function listSessions(
  cluster: Cluster,
  server: MetadataServer,
  authID: string,
  signal: AbortSignal,
): Promise<readonly ClientSession[]> {
  const command = { prefix: 'session ls', filters: [`auth_name=${authID}`] };
  const output = await askServer(cluster, server, command, signal);
  return parseOutput(sessionsSchema, output, command.prefix).map(({ id, client_metadata: metadata }) => ({
    id,
    root: metadata?.root,
  }));
}

/** A session that has ended by itself is no failure. */
async function evict(cluster: Cluster, server: MetadataServer, id: number, signal: AbortSignal): Promise<void> {
  await askServer(cluster, server, { prefix: 'session evict', filters: [`id=${id}`] }, signal);
}

async function askServer(
  cluster: Cluster,
  server: MetadataServer,
  command: CephCommand,
  signal: AbortSignal,
): Promise<string> {
  const target: CommandTarget = { daemon: 'mds', name: String(server.gid) };
  const result = await runCommand(cluster, target, command, signal);
  if (result.code === 0) return result.output;
  const error = commandError(cluster, target, command, result);
  if (errorNameOf(result.code) !== 'ENOENT') throw error;
  // Another one has taken the rank over meanwhile: the next attempt asks that one.
  const message = `the metadata server of rank ${server.rank} is being replaced`;
  throw unavailable('MetadataServerNotActive', message, error.detail);
}
