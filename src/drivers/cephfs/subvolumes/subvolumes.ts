import { z } from 'zod';
import {
  type Cluster,
  commandError,
  failedInside,
  parseOutput,
  requireCommand,
  runCommand,
} from '../cluster/commands.ts';
import type { CephCommand, CommandResult, CommandTarget } from '../rados/commands.ts';
import { errorNameOf } from '../rados/error-number.ts';
import { failure, rejected, unavailable } from '../reasons.ts';

const mgr: CommandTarget = { daemon: 'mgr' };

/** Key of a subvolume's metadata that says whose it is. */
const ownerKey = 'sharenet.io/owner';

/** Which subvolume, and in which call. */
export interface SubvolumeAddress {
  readonly fsName: string;
  readonly group: string;
  readonly name: string;
}

/** A subvolume as Ceph has it. */
export interface Subvolume extends SubvolumeAddress {
  /** Absolute in the file system. */
  readonly path: string;
  /** Bytes; undefined where someone removed the limit. */
  readonly size: number | undefined;
  /** Bytes of data; Ceph counts some seconds late. */
  readonly usedBytes: number;
  readonly dataPool: string;
  /** RADOS namespace; empty where the subvolume has none of its own. */
  readonly poolNamespace: string;
}

/** Level of access as Ceph has it. */
export type CephLevel = 'r' | 'rw';

const infoSchema = z.object({
  path: z.string().optional(),
  bytes_quota: z.union([z.int(), z.literal('infinite')]).optional(),
  bytes_used: z.int().optional(),
  data_pool: z.string().optional(),
  pool_namespace: z.string().optional(),
  state: z.string(),
});

const authorizedListSchema = z.array(z.record(z.string(), z.enum(['r', 'rw'])));

function subvolumeCommand(
  command: string,
  { fsName, group, name }: SubvolumeAddress,
  more: Readonly<Record<string, unknown>> = {},
): CephCommand {
  return { prefix: `fs subvolume ${command}`, vol_name: fsName, sub_name: name, group_name: group, ...more };
}

/** Looks a subvolume up. @returns undefined when there is none, or only snapshots of one that was removed */
export async function findSubvolume(
  cluster: Cluster,
  address: SubvolumeAddress,
  signal: AbortSignal,
): Promise<Subvolume | undefined> {
  const command = subvolumeCommand('info', address);
  const result = await runCommand(cluster, mgr, command, signal);
  const errorName = result.code === 0 ? undefined : errorNameOf(result.code);
  if (errorName === 'ENOENT') return undefined;
  // The command itself is well-formed: a manager that is starting does not know it yet.
  if (errorName === 'EINVAL' || errorName === 'EOPNOTSUPP') throw volumesModuleMissing(cluster, command, result);
  if (errorName !== undefined) throw commandError(cluster, mgr, command, result);
  const info = parseOutput(infoSchema, result.output, command.prefix);
  if (info.state === 'snapshot-retained') return undefined;
  const { path, data_pool: dataPool } = info;
  if (info.state !== 'complete' || path === undefined || dataPool === undefined) {
    const state = JSON.stringify(info.state.slice(0, 64));
    throw unavailable('CephUnavailable', `the subvolume ${address.group}/${address.name} is in the state ${state}`);
  }
  const { bytes_quota: quota, bytes_used: usedBytes = 0, pool_namespace: poolNamespace = '' } = info;
  return { ...address, path, size: typeof quota === 'number' ? quota : undefined, usedBytes, dataPool, poolNamespace };
}

/** The tag of a subvolume's owner; undefined for one without. */
export async function readOwner(
  cluster: Cluster,
  address: SubvolumeAddress,
  signal: AbortSignal,
): Promise<string | undefined> {
  const command = subvolumeCommand('metadata ls', address);
  const output = await requireCommand(cluster, mgr, command, signal);
  return parseOutput(z.record(z.string(), z.string()), output, command.prefix)[ownerKey];
}

/** Tags a subvolume with its owner. */
export async function writeOwner(
  cluster: Cluster,
  address: SubvolumeAddress,
  owner: string,
  signal: AbortSignal,
): Promise<void> {
  const command = subvolumeCommand('metadata set', address, { key_name: ownerKey, value: owner });
  await requireCommand(cluster, mgr, command, signal);
}

/**
 * Makes a subvolume with a RADOS namespace of its own, and its group where that is missing. Never for one that exists: Ceph
 * would set its size again.
 * @param size bytes
 * @throws DriverError `NotFound` when there is no such file system
 */
export async function createSubvolume(
  cluster: Cluster,
  address: SubvolumeAddress,
  options: { readonly size: number; readonly mode: string },
  signal: AbortSignal,
): Promise<void> {
  const command = subvolumeCommand('create', address, { ...options, namespace_isolated: true });
  const result = await runCommand(cluster, mgr, command, signal);
  if (result.code === 0) return;
  if (errorNameOf(result.code) !== 'ENOENT') throw commandError(cluster, mgr, command, result);
  const { fsName, group } = address;
  const makeGroup = { prefix: 'fs subvolumegroup create', vol_name: fsName, group_name: group };
  await requireCommand(cluster, mgr, makeGroup, signal);
  await requireCommand(cluster, mgr, command, signal);
}

/**
 * Sets a subvolume's size.
 * @param size bytes
 * @returns false when more than that is used: nothing was changed then
 */
export async function resizeSubvolume(
  cluster: Cluster,
  address: SubvolumeAddress,
  size: number,
  signal: AbortSignal,
): Promise<boolean> {
  const command = subvolumeCommand('resize', address, { new_size: String(size), no_shrink: true });
  const result = await runCommand(cluster, mgr, command, signal);
  if (result.code === 0) return true;
  if (errorNameOf(result.code) === 'EINVAL' && !failedInside(result)) return false;
  throw commandError(cluster, mgr, command, result);
}

/** Removes a subvolume; its data is purged by the manager afterwards. One that is gone is no failure. */
export async function removeSubvolume(cluster: Cluster, address: SubvolumeAddress, signal: AbortSignal): Promise<void> {
  const command = subvolumeCommand('rm', address);
  const result = await runCommand(cluster, mgr, command, signal);
  if (result.code === 0) return;
  const errorName = errorNameOf(result.code);
  if (errorName === 'ENOENT') return;
  if (errorName !== 'ENOTEMPTY') throw commandError(cluster, mgr, command, result);
  const name = `${address.group}/${address.name}`;
  throw rejected('SnapshotsExist', `the subvolume ${name} has snapshots; an administrator has to remove them first`);
}

/** Who is authorized on a subvolume, by cephx id. What was cut off half way is left out by Ceph. */
export async function listAuthorized(
  cluster: Cluster,
  address: SubvolumeAddress,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, CephLevel>> {
  const command = subvolumeCommand('authorized_list', address);
  const output = await requireCommand(cluster, mgr, command, signal);
  return new Map(parseOutput(authorizedListSchema, output, command.prefix).flatMap((entry) => Object.entries(entry)));
}

/** What authorize came to. `foreign`: the id is not the tenant's, nothing was changed. */
export type Authorization =
  | { readonly outcome: 'granted'; readonly key: string }
  | { readonly outcome: 'foreign' }
  /** Ceph can't make sense of the capabilities that the id has; it is the tenant's. */
  | { readonly outcome: 'inconsistent' }
  | { readonly outcome: 'gone' };

/**
 * Authorizes a cephx id. The tenant id makes Ceph refuse ids of others, and those that were not made by this command; without
 * it there is no key in the answer. `allow_existing_id` would hand out any user's key (CVE-2020-27781): never.
 */
export async function authorize(
  cluster: Cluster,
  address: SubvolumeAddress,
  { authID, level, tenantID }: { readonly authID: string; readonly level: CephLevel; readonly tenantID: string },
  signal: AbortSignal,
): Promise<Authorization> {
  const command = subvolumeCommand('authorize', address, {
    auth_id: authID,
    access_level: level,
    tenant_id: tenantID,
  });
  const result = await runCommand(cluster, mgr, command, signal);
  if (result.code === 0) return { outcome: 'granted', key: keyIn(result.output, command.prefix) };
  switch (errorNameOf(result.code)) {
    case 'EPERM':
      return { outcome: 'foreign' };
    case 'EINVAL':
      return { outcome: 'inconsistent' };
    case 'ENOENT':
      return { outcome: 'gone' };
    default:
      throw commandError(cluster, mgr, command, result);
  }
}

/** Takes a cephx id off a subvolume. @returns false when Ceph can't make sense of the capabilities that the id has */
export async function deauthorize(
  cluster: Cluster,
  address: SubvolumeAddress,
  authID: string,
  signal: AbortSignal,
): Promise<boolean> {
  const command = subvolumeCommand('deauthorize', address, { auth_id: authID });
  const result = await runCommand(cluster, mgr, command, signal);
  if (result.code === 0) return true;
  switch (errorNameOf(result.code)) {
    // There is no such id, or no such subvolume.
    case 'ENOENT':
      return true;
    case 'EINVAL':
      return false;
    default:
      throw commandError(cluster, mgr, command, result);
  }
}

function keyIn(output: string, prefix: string): string {
  const key = output.trim();
  if (/^[A-Za-z0-9+/]{16,252}={0,3}$/.test(key)) return key;
  throw failure({
    kind: 'Internal',
    reason: 'UnexpectedAnswer',
    message: `Ceph's answer to "${prefix}" is no key`,
  });
}

function volumesModuleMissing(cluster: Cluster, command: CephCommand, result: CommandResult): Error {
  const { detail } = commandError(cluster, mgr, command, result);
  const message = `Ceph's manager does not take "${command.prefix}": its module volumes is starting, disabled or failed`;
  return unavailable('CephUnavailable', message, detail);
}
