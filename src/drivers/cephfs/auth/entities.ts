import { z } from 'zod';
import { type Cluster, commandError, parseOutput, requireCommand, runCommand } from '../cluster/commands.ts';
import type { CommandTarget } from '../rados/commands.ts';
import { errorNameOf } from '../rados/error-number.ts';
import { entityOf } from '../subvolumes/names.ts';
import { type Caps, sameCaps } from './caps.ts';

const mon: CommandTarget = { daemon: 'mon' };

const entitiesSchema = z.tuple([z.object({ caps: z.record(z.string(), z.string()) })]);

/** The capabilities of a cephx id; undefined when there is no such id. Its key is left where it is. */
export async function readCaps(cluster: Cluster, authID: string, signal: AbortSignal): Promise<Caps | undefined> {
  const command = { prefix: 'auth get', entity: entityOf(authID) };
  const result = await runCommand(cluster, mon, command, signal);
  if (result.code !== 0) {
    if (errorNameOf(result.code) === 'ENOENT') return undefined;
    throw commandError(cluster, mon, command, result);
  }
  return parseOutput(entitiesSchema, result.output, command.prefix)[0].caps;
}

/** Gives a cephx id other capabilities. Only for ids that Ceph has confirmed to be the tenant's. */
export async function writeCaps(cluster: Cluster, authID: string, caps: Caps, signal: AbortSignal): Promise<void> {
  const command = { prefix: 'auth caps', entity: entityOf(authID), caps: Object.entries(caps).flat() };
  await requireCommand(cluster, mon, command, signal);
}

/** Gives a cephx id other capabilities where they differ. */
export async function repairCaps(
  cluster: Cluster,
  authID: string,
  change: { readonly from: Caps; readonly to: Caps },
  signal: AbortSignal,
): Promise<void> {
  if (!sameCaps(change.from, change.to)) await writeCaps(cluster, authID, change.to, signal);
}

/** Removes a cephx id. One that is gone is no failure. */
export async function removeEntity(cluster: Cluster, authID: string, signal: AbortSignal): Promise<void> {
  await requireCommand(cluster, mon, { prefix: 'auth rm', entity: entityOf(authID) }, signal);
}
