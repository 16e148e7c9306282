import type { z } from 'zod';
import type { DriverError } from '../../errors.ts';
import { throwIfAborted } from '../../kit/abort.ts';
import { checkAnswer, jsonOf } from '../../kit/answers.ts';
import type { CephCommand, CephCommands, CommandResult, CommandTarget } from '../rados/commands.ts';
import { errorNameOf, type Fault, meaningOf } from '../rados/error-number.ts';
import { failure, unavailable } from '../reasons.ts';

/** How long one command may take, in milliseconds; a healthy cluster answers in some. */
const commandTimeoutMs = 20_000;

/** Longest text of Ceph that goes to the log of the administrator, in characters. */
const maxStatusLength = 500;

/** The cluster that a backend talks to. */
export interface Cluster {
  readonly commands: CephCommands;
  /** Ceph user of the operator, for messages. */
  readonly user: string;
}

/**
 * Runs a command; its code says what came of it.
 * @throws DriverError `Unavailable` when no daemon answers or the call is aborted
 */
export async function runCommand(
  { commands }: Cluster,
  target: CommandTarget,
  command: CephCommand,
  signal: AbortSignal,
): Promise<CommandResult> {
  throwIfAborted(signal, 'Ceph');
  return await commands.run(target, { ...command, format: 'json' }, { timeoutMs: commandTimeoutMs, signal });
}

/** Runs a command that has to succeed. @throws DriverError by the command's code */
export async function requireCommand(
  cluster: Cluster,
  target: CommandTarget,
  command: CephCommand,
  signal: AbortSignal,
): Promise<string> {
  const result = await runCommand(cluster, target, command, signal);
  if (result.code !== 0) throw commandError(cluster, target, command, result);
  return result.output;
}

/**
 * Whether the manager stumbled over itself instead of refusing the command: it then answers EINVAL, too. While it starts, after it
 * was killed, and where a daemon that it asks is away.
 */
export function failedInside({ code, status }: CommandResult): boolean {
  return errorNameOf(code) === 'EINVAL' && status.startsWith('Traceback ');
}

/** What a reader can do, by whose error it is. */
const advice: Readonly<Record<Fault, string>> = {
  tenant: '',
  administrator: '; an administrator of the Ceph cluster finds the cause in the log of the operator',
  outage: '; the operator tries again, and an administrator sees the state of the cluster with ceph -s if this lasts',
};

/** The failure of a command. Ceph's text goes to the log only: it may quote what it was not asked to. */
export function commandError(
  { user }: Cluster,
  { daemon }: CommandTarget,
  { prefix }: CephCommand,
  result: CommandResult,
): DriverError {
  const { code, status } = result;
  if (failedInside(result)) {
    const message = `ceph-mgr raised an exception while handling "${prefix}"; if this persists, see its log`;
    // The exception itself comes last.
    return unavailable('CephUnavailable', message, `${prefix}: ${status.trimEnd().slice(-maxStatusLength)}`);
  }
  const name = errorNameOf(code);
  const denied = `the Ceph user client.${user} lacks a capability of ${daemon} for "${prefix}"; docs/cephfs.md lists them`;
  const { fault, ...meaning } = meaningOf(name);
  return failure({
    ...meaning,
    message: name === 'EACCES' ? denied : `Ceph answered ${name} to "${prefix}"${advice[fault]}`,
    detail: `${prefix}: ${status.slice(0, maxStatusLength)}`,
  });
}

/** Reads a command's output. @throws DriverError `Internal` without quoting it: it may hold a key */
export function parseOutput<Schema extends z.ZodType>(
  schema: Schema,
  output: string,
  prefix: string,
): z.output<Schema> {
  return checkAnswer(schema, jsonOf(output), `Ceph's answer to "${prefix}"`);
}
