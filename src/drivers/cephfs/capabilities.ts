import { z } from 'zod';
import type { CallContext, Capabilities, DriverCapacity } from '../driver.ts';
import { readCaps } from './auth/entities.ts';
import type { Backend } from './backend.ts';
import { listSessions } from './cluster/client-sessions.ts';
import { type Cluster, parseOutput, requireCommand } from './cluster/commands.ts';
import { readFileSystem } from './cluster/file-system.ts';
import { readVulnerabilities } from './cluster/versions.ts';
import type { CommandTarget } from './rados/commands.ts';

const mon: CommandTarget = { daemon: 'mon' };
const mgr: CommandTarget = { daemon: 'mgr' };

const usageSchema = z.object({
  pools: z.array(z.object({ id: z.int(), stats: z.object({ stored: z.number(), max_avail: z.number() }) })),
});

/**
 * What the backend can do, asked of every daemon that its operations need: a monitor, the manager's volumes module, and each active
 * metadata server. Commands that change something can't be tried; those that read have the same capabilities checked.
 */
export async function getCapabilities(
  backend: Backend,
  { signal }: Pick<CallContext, 'signal'>,
): Promise<Capabilities> {
  const { cluster, config } = backend;
  const fsid = await backend.fsid(signal);
  const { servers, dataPoolID } = await readFileSystem(cluster, config.fsName, signal);
  await requireCommand(cluster, mgr, { prefix: 'fs subvolumegroup ls', vol_name: config.fsName }, signal);
  await readCaps(cluster, config.user, signal);
  for (const server of servers) await listSessions(cluster, server, config.user, signal);
  const vulnerabilities = await readVulnerabilities(cluster, signal);
  return {
    driverHandlesShareServers: false,
    securityServiceUpdateSupport: false,
    securityServiceTypes: [],
    shareProtocols: ['CEPHFS'],
    accessTypesByProtocol: { CEPHFS: ['cephx'] },
    accessLevels: ['rw', 'ro'],
    accessKeyTypes: ['cephx'],
    networkAllocationsPerServer: 0,
    // Export locations are made of these: the operator asks for them again when this text changes.
    backendInfo: ['cephfs/1', fsid, config.clusterID ?? fsid, config.monitors.join(',')].join(' '),
    ...(vulnerabilities === undefined ? {} : { knownVulnerabilities: vulnerabilities }),
    ...(await readCapacity(cluster, dataPoolID, signal)),
  };
}

/** Space of the pool where data goes by default; what quotas promise is not set aside. */
async function readCapacity(
  cluster: Cluster,
  poolID: number,
  signal: AbortSignal,
): Promise<{ readonly capacity?: DriverCapacity }> {
  const output = await requireCommand(cluster, mon, { prefix: 'df' }, signal);
  const { pools } = parseOutput(usageSchema, output, 'df');
  const pool = pools.find(({ id }) => id === poolID);
  if (pool === undefined) return {};
  const [stored, available] = [pool.stats.stored, pool.stats.max_avail].map(Math.floor);
  if (stored === undefined || available === undefined) return {};
  return { capacity: { total: stored + available, available } };
}
