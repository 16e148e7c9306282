import { z } from 'zod';
import type { CommandTarget } from '../rados/commands.ts';
import { errorNameOf } from '../rados/error-number.ts';
import { unavailable } from '../reasons.ts';
import { type Cluster, commandError, parseOutput, runCommand } from './commands.ts';

const mon: CommandTarget = { daemon: 'mon' };

const fileSystemSchema = z.object({
  mdsmap: z.object({
    in: z.array(z.int()),
    up: z.record(z.string(), z.int()),
    info: z.record(z.string(), z.object({ gid: z.int(), rank: z.int(), state: z.string() })),
    data_pools: z.array(z.int()).min(1),
  }),
});
type MetadataServerMap = z.output<typeof fileSystemSchema>['mdsmap'];

/** The daemon that serves a rank of a file system. */
export interface MetadataServer {
  readonly rank: number;
  readonly gid: number;
}

/** A file system of the cluster. */
export interface FileSystem {
  /** One for each rank, all able to answer. */
  readonly servers: readonly MetadataServer[];
  /** Where data goes by default. */
  readonly dataPoolID: number;
}

/** States in which a metadata server has its sessions and takes commands about them. */
const servingStates: ReadonlySet<string> = new Set(['up:active', 'up:clientreplay', 'up:stopping']);

/** @throws DriverError `Unavailable` when there is no such file system, or a rank of it has no daemon that serves it */
export async function readFileSystem(cluster: Cluster, fsName: string, signal: AbortSignal): Promise<FileSystem> {
  const command = { prefix: 'fs get', fs_name: fsName };
  const result = await runCommand(cluster, mon, command, signal);
  if (result.code !== 0) {
    if (errorNameOf(result.code) !== 'ENOENT') throw commandError(cluster, mon, command, result);
    const message = `the Ceph cluster has no file system ${JSON.stringify(fsName)}; correct spec.cephfs.fsName`;
    throw unavailable('FileSystemNotFound', message);
  }
  const { mdsmap } = parseOutput(fileSystemSchema, result.output, command.prefix);
  const [dataPoolID = 0] = mdsmap.data_pools;
  return { servers: servingServers(mdsmap), dataPoolID };
}

/** The server of each rank. @throws DriverError `Unavailable` when one is missing: the sessions of its clients can't be seen */
export function servingServers(map: Pick<MetadataServerMap, 'in' | 'up' | 'info'>): readonly MetadataServer[] {
  if (map.in.length === 0) throw notServing('the file system has no metadata server');
  return map.in.map((rank) => {
    const gid = map.up[`mds_${rank}`];
    const state = map.info[`gid_${gid}`]?.state;
    if (gid !== undefined && state !== undefined && servingStates.has(state)) return { rank, gid };
    throw notServing(`rank ${rank} of the file system has no active metadata server`);
  });
}

function notServing(message: string): Error {
  return unavailable('MetadataServerNotActive', message);
}
